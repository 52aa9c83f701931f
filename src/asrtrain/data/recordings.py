"""Where recordings are: files of their own, or members of a tar file, ``shard-0001.tar/000123.flac``."""

from __future__ import annotations

from pathlib import Path

from asrtrain.data.tar_index import find_member
from asrtrain.errors import DataError


def size_of(audio: Path) -> int:
    """The bytes of a recording, without opening it. Raises DataError if it is not there."""
    try:
        return audio.stat().st_size
    except NotADirectoryError:
        return find_member(audio).size
    except OSError as error:
        raise DataError(f"{audio} cannot be read: {error.strerror}") from error


def read_whole(audio: Path) -> bytes:
    """The bytes of a recording, undecoded. Raises DataError."""
    try:
        return audio.read_bytes()
    except NotADirectoryError:
        return find_member(audio).read()
    except OSError as error:
        raise DataError(f"{audio} cannot be read: {error.strerror}") from error
