"""Unpacking archives that nobody vouches for: tar (plain, gzip, bzip2, xz) and zip.

Only regular files and folders are written, only below the destination, each name once, and no more than an archive of
recordings can hold. (Python's own ``tarfile.extractall`` followed links and ``..`` until 3.14: CVE-2007-4559.)
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO, Protocol, cast, final

from asrtrain.errors import DataError
from asrtrain.files.writing import new_file

LARGEST_RATIO = 20
"""Unpacked to packed: recordings shrink two- or threefold, an archive bomb a thousandfold."""
SMALLEST_LIMIT = 64 << 20
"""So many bytes may come of any archive, however small."""
MEMBER = 4096
"""What a member counts for besides its bytes, however short: a block on the disk."""

_BLOCK = 1 << 20
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]|^/|^[A-Za-z]:|(^|/)\.\.(/|$)")
_ENCRYPTED = 1
_DAMAGE = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError),
    *(ValueError, OverflowError, NotImplementedError, RuntimeError),
)
"""What the standard library raises at damaged archives."""


def extract(archive: Path, folder: Path) -> None:
    """Unpack into an existing, empty folder, which is worthless if this raises.

    Raises:
        DataError: the archive is damaged, too big unpacked, or holds anything but plain files below the folder.
    """
    try:
        limit = max(SMALLEST_LIMIT, LARGEST_RATIO * archive.stat().st_size)
        with archive.open("rb") as packed:
            magic = packed.read(6)
            packed.seek(0)
            if magic.startswith(b"PK"):
                _extract_zip(packed, folder, _Limit(archive, limit))
            else:
                _extract_tar(_decompressed(packed, magic), folder, _Limit(archive, limit))
    except _DAMAGE as error:
        raise DataError(f"{archive} cannot be unpacked, it may be damaged or no archive: {error}") from error
    if not any(folder.iterdir()):
        raise DataError(f"{archive} holds no files")


@final
class _Limit:
    """Counts bytes, and refuses when they are too many."""

    def __init__(self, archive: Path, most: int) -> None:
        self.archive = archive
        self._left = most
        self._most = most

    def spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise DataError(
                f"{self.archive} is refused: it unpacks to more than {self._most >> 20} MiB, "
                f"{LARGEST_RATIO} times its size, as no recordings do"
            )

    def check(self, declared: int) -> None:
        if declared > self._left:
            self.spend(declared)


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


@final
class _Bounded:
    """A stream that spends what is read of it."""

    def __init__(self, stream: _Readable, limit: _Limit) -> None:
        self._stream = stream
        self._limit = limit

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(size)
        self._limit.spend(len(data))
        return data


def _decompressed(packed: IO[bytes], magic: bytes) -> _Readable:
    openers: dict[bytes, Callable[[IO[bytes]], _Readable]] = {
        b"\x1f\x8b": gzip.open,
        b"BZh": bz2.open,
        b"\xfd7zXZ\0": lzma.open,
    }
    return next((opener(packed) for start, opener in openers.items() if magic.startswith(start)), packed)


def _extract_tar(stream: _Readable, folder: Path, limit: _Limit) -> None:
    bounded = _Bounded(stream, limit)
    with tarfile.open(fileobj=cast(IO[bytes], bounded), mode="r|") as tar:
        while (member := tar.next()) is not None:
            tar.members.clear()  # type: ignore[attr-defined]  # or it keeps them all in memory
            limit.spend(MEMBER)
            if not (member.isdir() or member.type in (tarfile.REGTYPE, tarfile.AREGTYPE)) or member.issparse():
                raise DataError(f"{limit.archive} is refused: {member.name!r} is a link, a device or a sparse file")
            limit.check(member.size)
            content = tar.extractfile(member)
            _write(folder, member.name, content, limit.archive)
    # What follows the last member holds the checksum of a compressed stream.
    while bounded.read(_BLOCK):
        pass


def _extract_zip(packed: IO[bytes], folder: Path, limit: _Limit) -> None:
    with zipfile.ZipFile(packed) as archive:
        limit.check(sum(member.file_size + MEMBER for member in archive.infolist()))
        for member in archive.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise DataError(f"{limit.archive} is refused: {member.filename!r} is a link or a device")
            if member.flag_bits & _ENCRYPTED:
                raise DataError(f"{limit.archive} is encrypted: unpack it yourself and pass the folder")
            if member.is_dir():
                _write(folder, member.filename, None, limit.archive)
            else:
                with archive.open(member) as content:
                    _write(folder, member.filename, _Bounded(content, limit), limit.archive)


def _write(folder: Path, name: str, content: _Readable | None, archive: Path) -> None:
    """Write a file, or make a folder where there is no content."""
    if not name or _UNSAFE.search(name):
        raise DataError(f"{archive} is refused: the name {name!r} leads out of the folder or is no plain name")
    path = folder / PurePosixPath(name)
    try:
        if content is None:
            path.mkdir(parents=True, exist_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with new_file(path) as out:
            while block := content.read(_BLOCK):
                out.write(block)
    except (FileExistsError, NotADirectoryError) as error:
        raise DataError(f"{archive} is refused: {name!r} is in it twice") from error
