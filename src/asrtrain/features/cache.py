"""Many arrays of different length in one memory-mapped file: waveforms or features that nobody needs to make twice.

Layout: a header of 4096 bytes (magic, its own CRC-32, JSON), the rows of all arrays in the order in which they were
made, the index (int64, where each array begins, then how long each is). The file appears under its name complete or
not at all.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Literal, final

import numpy as np
import numpy.typing as npt
import torch

from asrtrain.mapped import HEADER, appearing_whole, pack_header, unpack_header

MAGIC = b"ASRRAGD2"
SCALE = {"int16": 32768.0, "float16": 1.0, "float32": 1.0}
"""What 1.0 is stored as: 16-bit recordings are kept exactly as they were."""

RESIDENT = 16 << 20
"""Bytes of the mapped file that are read before its pages are given back: what a corpus of any size takes at most."""

Kind = Literal["float32", "float16", "int16"]


def fingerprint(value: object) -> str:
    """SHA-256 of a value made of JSON's types, in hexadecimal: the same for equal values, on any machine.

    Name in it everything that changes the numbers: settings, and for each recording path, size, time of change, offset
    and duration.
    """
    return hashlib.sha256(_canonical(value).encode()).hexdigest()


def fingerprint_of_parts(*parts: str | Iterable[object]) -> str:
    """``fingerprint`` of a value with lists in it that are too long to be held, between pieces of JSON.

    >>> fingerprint_of_parts('{"x":', iter([[1, "a"], 2]), "}") == fingerprint({"x": [[1, "a"], 2]})
    True
    """
    digest = hashlib.sha256()
    for part in parts:
        for piece in (part,) if isinstance(part, str) else _pieces(part):
            digest.update(piece.encode())
    return digest.hexdigest()


def _pieces(items: Iterable[object]) -> Iterator[str]:
    mark = "["
    for item in items:
        yield mark + _canonical(item)
        mark = ","
    yield "]" if mark == "," else "[]"


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


@final
class RaggedArray:
    """Arrays (S,), or (T, F) with one F, read from the mapped file as they are asked for."""

    def __init__(
        self, rows: npt.NDArray[Any], starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64], mapping: mmap.mmap
    ) -> None:
        self._rows = rows
        self._starts = starts
        self._mapping = mapping
        self._touched = 0
        self.lengths = lengths

    @classmethod
    def open(cls, path: Path, key: str) -> RaggedArray | None:
        """Map a file in milliseconds; None where there is none, or none that is whole and has this key."""
        try:
            with path.open("rb") as file:
                mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            content = np.frombuffer(mapping, np.uint8)
            header = unpack_header(MAGIC, bytes(content[:HEADER]))
            if header["key"] != key or header["bytes"] != len(content):
                return None
            index = content[header["index"] :]
            if zlib.crc32(index.tobytes()) != header["index_crc"]:
                return None
            rows = content[HEADER : HEADER + header["data"]].view(header["dtype"])
            starts, lengths = index.view(np.int64).reshape(2, -1)
            return cls(rows.reshape(-1, *header["width"]), starts, lengths, mapping)
        except (OSError, ValueError):
            return None

    @classmethod
    def write(
        cls, path: Path, key: str, arrays: Iterable[tuple[int, npt.NDArray[np.float32]]], dtype: Kind = "float32"
    ) -> RaggedArray:
        """Write the arrays as they come, each with its number (all from 0 on, once), and map the result.

        The file is made under another name beside its place, flushed to the disk and renamed. Values kept as int16 lie
        in [-1, 1]. Raises OSError, for instance of a full disk, and then leaves nothing behind.
        """
        with appearing_whole(path) as file:
            _write(file, key, arrays, dtype)
        written = cls.open(path, key)
        if written is None:
            raise OSError(f"{path}: the file just written does not verify")
        return written

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> npt.NDArray[np.float32]:
        """One array (S,) or (T, F), as float32."""
        first, scale = self._starts[index], np.float32(SCALE[self._rows.dtype.name])
        return self._rows[first : first + self.lengths[index]].astype(np.float32) / scale

    def padded(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Some arrays as one tensor (B, S) or (B, T, F) float32, zero beyond each length, and the lengths (B,)."""
        lengths = self.lengths[indices]
        batch = np.zeros((len(lengths), int(lengths.max(initial=0)), *self._rows.shape[1:]), np.float32)
        for row, first, length in zip(batch, self._starts[indices], lengths, strict=True):
            row[:length] = self._rows[first : first + length]
        if (scale := SCALE[self._rows.dtype.name]) != 1.0:
            batch *= np.float32(1.0 / scale)
        self._forget(int(lengths.sum()) * self._rows.itemsize * int(np.prod(self._rows.shape[1:])))
        return torch.from_numpy(batch), torch.from_numpy(lengths)

    def _forget(self, read: int) -> None:
        """Give pages back that were read: the kernel may keep them, but they are no memory of this process any more."""
        self._touched += read
        if self._touched > RESIDENT and hasattr(mmap, "MADV_DONTNEED"):
            self._mapping.madvise(mmap.MADV_DONTNEED)
            self._touched = 0


def _write(file: IO[bytes], key: str, arrays: Iterable[tuple[int, npt.NDArray[np.float32]]], dtype: Kind) -> None:
    file.seek(HEADER)
    numbers, lengths = array("q"), array("q")
    width: tuple[int, ...] | None = None
    for number, rows in arrays:
        width = rows.shape[1:] if width is None else width
        if rows.shape[1:] != width:
            raise ValueError(f"rows of shape {rows.shape[1:]} after rows of shape {width}")
        file.write(_encoded(rows, dtype).data)
        numbers.append(number)
        lengths.append(len(rows))
    data = file.tell() - HEADER
    file.write(bytes(-data % 8))  # the index begins at a multiple of its item size
    place = file.tell()
    index = _index(np.frombuffer(numbers, np.int64), np.frombuffer(lengths, np.int64)).tobytes()
    file.write(index)
    header = {
        "key": key, "dtype": dtype, "width": list(width or ()), "data": data,
        "index": place, "index_crc": zlib.crc32(index), "bytes": file.tell(),
    }  # fmt: skip
    file.seek(0)
    file.write(pack_header(MAGIC, header))


def _index(numbers: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Where arrays begin and how long they are, (2, N) by number, of what was written in this order."""
    index = np.empty((2, len(numbers)), np.int64)
    index[:, numbers] = lengths.cumsum() - lengths, lengths
    return index


def _encoded(rows: npt.NDArray[np.float32], dtype: Kind) -> npt.NDArray[Any]:
    if dtype == "int16":
        rows = np.rint(rows * np.float32(SCALE[dtype])).clip(-32768, 32767)
    return np.ascontiguousarray(rows, dtype)
