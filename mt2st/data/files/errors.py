"""What is wrong where data is not as it should be."""

import lzma
import struct
import tarfile
import zipfile
import zlib

# What reading a file can raise that is cut off, altered, not of the format its name says, or not UTF-8.
UNREADABLE = (
    *(OSError, EOFError, UnicodeDecodeError, struct.error),
    *(lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile, zlib.error),
)


def reason(error: Exception) -> str:
    """Say why a file could not be read: what the system says, or that it is damaged."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"{' '.join(str(error).split()) or type(error).__name__}: cut off or altered? get it anew"


class MissingData(FileNotFoundError):
    """A data set is not on this machine; the message says how to get it."""


class DamagedData(MissingData):
    """A file is on this machine, but cut off or altered; the message says how to get it anew."""
