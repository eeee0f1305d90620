"""What is wrong where data is not as it should be."""

import lzma
import tarfile
import zipfile
import zlib

# What reading a file can raise that is cut off, altered, not of the format its name says, or not UTF-8.
UNREADABLE = (
    *(OSError, EOFError, UnicodeDecodeError),
    *(lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile, zlib.error),
)


class MissingData(FileNotFoundError):
    """A data set is not on this machine; the message says how to get it."""


class DamagedData(MissingData):
    """A file is on this machine, but cut off or altered; the message says how to get it anew."""
