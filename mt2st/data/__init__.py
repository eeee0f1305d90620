"""Data sources. Each gives a `Dataset`; nothing past this package knows where text came from."""
