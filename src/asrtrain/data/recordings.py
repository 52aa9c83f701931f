"""Where recordings are: files of their own, or members of a tar file, ``shard-0001.tar/000123.flac``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import final

from asrtrain.data.tar_index import find_member
from asrtrain.errors import DataError


@final
@dataclass(frozen=True, slots=True)
class Status:
    """Bytes, and the time of the last change in nanoseconds; of a member, that of its tar file."""

    size: int
    changed: int


def status_of(audio: Path) -> Status:
    """What can be said of a recording without opening it. Raises DataError if it is not there."""
    try:
        status = audio.stat()
    except NotADirectoryError:
        member = find_member(audio)
        return Status(member.size, member.changed)
    except OSError as error:
        raise DataError(f"{audio} cannot be read: {error.strerror}") from error
    return Status(status.st_size, status.st_mtime_ns)


def read_whole(audio: Path) -> bytes:
    """The bytes of a recording, undecoded. Raises DataError."""
    try:
        return audio.read_bytes()
    except NotADirectoryError:
        return find_member(audio).read()
    except OSError as error:
        raise DataError(f"{audio} cannot be read: {error.strerror}") from error
