"""Labelled texts, one source a file; each gives a `Dataset`."""
