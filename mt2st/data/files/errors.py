"""What is wrong where data is not as it should be."""


class MissingData(FileNotFoundError):
    """A data set is not on this machine; the message says how to get it."""


class DamagedData(MissingData):
    """A file is on this machine, but cut off or altered; the message says how to get it anew."""
