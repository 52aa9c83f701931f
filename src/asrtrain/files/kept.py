"""What files of the cache have in common: a header to know them by, and checksums of all that is read from them.

A header is a block of 4096 bytes: magic, its own CRC-32, its length, JSON. It says how many ``bytes`` the file has.
"""

from __future__ import annotations

import json
import os
import struct
import weakref
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, final

from asrtrain.files.writing import appearing_whole, clear_leavings

HEADER = 4096
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""A FIFO is opened at once, and has no length."""


class DamagedError(Exception):
    """A file of the cache is not as it was written. What is in it can be made again, so users see no such error."""


@final
class KeptFile:
    """A file that is read piece by piece. It is not mapped into memory: a mapping of a file that is cut ends us."""

    def __init__(self, path: Path, file: BinaryIO, header: Mapping[str, Any]) -> None:
        self.path, self.header = path, header
        self._file = file
        self.close = weakref.finalize(self, file.close)

    @classmethod
    def open(cls, path: Path, magic: bytes) -> KeptFile | None:
        """None where there is no file. Raises DamagedError where it is not one of this magic, of its full length."""
        try:
            file = os.fdopen(os.open(path, _READ), "rb", buffering=0)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DamagedError(error.strerror) from error
        try:
            header = unpack_header(magic, _read_at(file, HEADER, 0))
            if os.fstat(file.fileno()).st_size != header["bytes"]:
                raise DamagedError("its length has changed")
            return cls(path, file, header)
        except BaseException:
            file.close()
            raise

    def read(self, place: int, size: int, checksum: int) -> bytes:
        """``size`` bytes from ``place`` on. Raises DamagedError unless they have this CRC-32."""
        content = _read_at(self._file, size, place)
        if len(content) != size or zlib.crc32(content) != checksum:
            raise DamagedError(f"bytes {place} to {place + size} are not as they were written")
        return content


@contextmanager
def writing_kept(path: Path) -> Iterator[IO[bytes]]:
    """A file to write into the cache, which appears whole or not at all; what kills have left there is cleared away."""
    path.parent.mkdir(parents=True, exist_ok=True)
    clear_leavings(path.parent)
    with appearing_whole(path) as file:
        yield file


def pack_header(magic: bytes, header: Mapping[str, Any]) -> bytes:
    """The block of a header, whose ``magic`` has 8 bytes. Raises ValueError where it is too long."""
    text = json.dumps(header).encode()
    if len(text) > HEADER - 16:
        raise ValueError(f"a header of {len(text)} bytes is too long")
    return (magic + struct.pack("<II", zlib.crc32(text), len(text)) + text).ljust(HEADER, b"\0")


def unpack_header(magic: bytes, block: bytes) -> dict[str, Any]:
    """The header in a block. Raises DamagedError where there is none of this magic, or a damaged one."""
    if len(block) != HEADER or block[:8] != magic:
        raise DamagedError(f"it does not begin with {magic.decode()}")
    checksum, length = struct.unpack_from("<II", block, 8)
    text = block[16 : 16 + length]
    if zlib.crc32(text) != checksum:
        raise DamagedError("its header is not as it was written")
    header: dict[str, Any] = json.loads(text)
    return header


def _read_at(file: BinaryIO, size: int, place: int) -> bytes:
    """As much of it as there is. Processes that share the open file do not move each other's place in it."""
    parts: list[bytes] = []
    try:
        while size > 0 and (part := _part(file, size, place)):
            parts.append(part)
            size, place = size - len(part), place + len(part)
    except OSError as error:
        raise DamagedError(error.strerror) from error
    return b"".join(parts)


def _part(file: BinaryIO, size: int, place: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(file.fileno(), size, place)
    file.seek(place)  # Windows has no pread, and no processes that share an open file either
    return file.read(size)
