"""What the file system says of recordings: cheap to ask, and other whenever a recording may have changed.

A stamp is five integers: a CRC-32 of the path, bytes, time of the last change of the content and of the file (ns), and
inode. Users can set the first of the times, but not the second. Windows has no second one, and tells when the file was
made in its place: there a file that is overwritten by as many bytes and has its time set back looks the same.
"""

from __future__ import annotations

import os
import zlib
from array import array
from collections.abc import Iterable
from contextlib import suppress
from os.path import commonpath
from pathlib import Path

import numpy as np
import numpy.typing as npt

from asrtrain.errors import DataError

Stamp = tuple[int, int, int, int, int]
Stamps = npt.NDArray[np.int64]
"""(N, 5)."""

_SETTLED = 2_000_000_000
"""Nanoseconds after which a further change shows in the times on any file system: FAT counts in two seconds."""
_MODIFIED, _CHANGED = 2, 3
_MASK = (1 << 63) - 1


def stamp_of(path: str, tars: dict[str, os.stat_result]) -> Stamp:
    """The stamp of a recording; of members of a tar file that of the tar file, which is asked for once and put in
    ``tars``. Raises DataError if it is not there.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 - of a million paths, half a second less
    except NotADirectoryError:
        status = _tar_of(path, tars)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {getattr(error, 'strerror', error)}") from error
    name = zlib.crc32(path.encode("utf-8", "surrogateescape"))
    return name, status.st_size, status.st_mtime_ns & _MASK, status.st_ctime_ns & _MASK, status.st_ino & _MASK


def _tar_of(member: str, tars: dict[str, os.stat_result]) -> os.stat_result:
    folder = member.rpartition(os.sep)[0]
    if folder not in tars:
        tars[folder] = next(parent.stat() for parent in Path(member).parents if parent.is_file())
    return tars[folder]


def stamps_of(paths: Iterable[str], missing: list[tuple[int, str]]) -> tuple[Stamps, str]:
    """The stamps, and the folder that all recordings lie in; of those that are not there ``missing`` is told."""
    tars: dict[str, os.stat_result] = {}
    stamps, last, stamp = array("q"), "", (0, 0, 0, 0, 0)
    lowest = highest = ""
    for number, path in enumerate(paths):
        if path != last:
            last = path
            try:
                stamp = stamp_of(path, tars)
            except DataError as error:
                missing.append((number, str(error)))
            highest = max(highest, path)
            if path < lowest or not lowest:
                lowest = path
        stamps.extend(stamp)
    return np.frombuffer(stamps, np.int64).reshape(-1, 5), _common_folder(lowest, highest)


def _common_folder(*paths: str) -> str:
    with suppress(ValueError):  # of Windows' drives
        return commonpath(Path(path).absolute().parent for path in paths)
    return ""


def settled(stamps: Stamps, now: int) -> npt.NDArray[np.bool_]:
    """Whether a change after ``now`` (ns) would show: not so of files just changed, in the same tick of their clock."""
    return (np.abs(now - stamps[:, _MODIFIED]) > _SETTLED) & (now - stamps[:, _CHANGED] > _SETTLED)
