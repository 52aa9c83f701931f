"""Where in a tar file its members lie, so that one of them is read without those before it.

A path whose parent is a tar file names a member: ``shards/000001.tar/000123.flac``. The headers of a tar file are
walked once in a process, from one to the next (POSIX.1-1988 ustar, with GNU's and pax's long names, as ``tarfile``
knows them); of each member a hash of its name and where it lies are kept, 24 bytes. Nothing is ever unpacked.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import final

import numpy as np
import numpy.typing as npt

from asrtrain.errors import DataError

INDEXED = 4096
"""So many tar files' indices are kept."""


@final
@dataclass(frozen=True, slots=True)
class Member:
    """A regular file in a tar file: its name, first byte and size."""

    tar: Path
    name: str
    first: int
    size: int

    def read(self) -> bytes:
        """Its content. Raises DataError if it is not all there."""
        try:
            with self.tar.open("rb", buffering=0) as file:
                file.seek(self.first)
                content = file.read(self.size)
        except OSError as error:
            raise DataError(f"{self.tar}: cannot be read: {error.strerror}") from error
        if len(content) < self.size:
            raise DataError(f"{self.tar}/{self.name}: the tar file is cut short within it")
        return content


@final
@dataclass(frozen=True, slots=True)
class _Index:
    """Members in the order of the hashes of their names."""

    hashes: npt.NDArray[np.uint64]
    first: npt.NDArray[np.int64]
    size: npt.NDArray[np.int64]


def find_member(path: Path) -> Member:
    """The member that a path below a tar file names. Raises DataError if there is none."""
    tar = next((parent for parent in path.parents if parent.is_file()), None)
    if tar is None:
        raise DataError(f"{path}: no such file")
    name = path.relative_to(tar).as_posix()
    status = tar.stat()
    index = _indexed(tar, (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino))
    wanted = _hash(name)
    place = int(np.searchsorted(index.hashes, wanted))
    if place == len(index.hashes) or index.hashes[place] != wanted:
        raise DataError(f"{path}: {tar.name} has no member {name!r}")
    if wanted in index.hashes[place + 1 : place + 2]:
        raise DataError(f"{path}: {tar.name} has two members {name!r}; write it anew with names that differ")
    return Member(tar, name, int(index.first[place]), int(index.size[place]))


def members(tar: Path) -> Iterator[Member]:
    """The regular files of a tar file, in its order. Raises DataError for one that is damaged or compressed."""
    try:
        size = tar.stat().st_size
        with tarfile.open(tar, "r:") as archive:
            while (member := archive.next()) is not None:
                if member.offset_data + member.size > size:
                    raise DataError(f"{tar}: cut short within {member.name!r}")
                if member.isreg() and not member.issparse():
                    yield Member(tar, _plain(member.name), member.offset_data, member.size)
                archive.members = []  # type: ignore[attr-defined]  # the library keeps all it has seen
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise DataError(f"{tar}: no tar file that can be read (compressed ones are unpacked first): {error}") from error
    except OSError as error:
        raise DataError(f"{tar}: cannot be read: {error.strerror}") from error


@lru_cache(INDEXED)
def _indexed(tar: Path, status: tuple[int, ...]) -> _Index:
    """What ``tar`` holds, for as long as its status is this."""
    found = [(_hash(member.name), member.first, member.size) for member in members(tar)]
    table = np.array(sorted(found), dtype=[("hash", "u8"), ("first", "i8"), ("size", "i8")])
    return _Index(table["hash"].copy(), table["first"].copy(), table["size"].copy())


def _plain(name: str) -> str:
    """As a path below the tar file names it: ``./a.wav``, ``/a.wav`` and ``b//a.wav`` are no other files."""
    return PurePosixPath(name.lstrip("/")).as_posix()


def _hash(name: str) -> int:
    """64 bits, so that no two names of a shard share one."""
    return int.from_bytes(hashlib.blake2b(name.encode(errors="surrogateescape"), digest_size=8).digest(), "little")
