"""Tagged corpora, one source a file; each gives a `SequenceData`."""
