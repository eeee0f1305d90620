"""Labelled texts, one source a file; each gives a `Dataset`. Also Wikipedia's text with tags (`wiki_tokens`)."""
