"""Many arrays of different length in one memory-mapped file: waveforms or features that nobody needs to make twice.

Layout: a header of 4096 bytes (magic, its own CRC-32, JSON), all arrays in the order in which they were made, the index
(int64: where each array begins, how long each is, which are integers). Waveforms that 16-bit integers hold exactly, as
those of most recordings, are kept as such; all else is float32. The file appears under its name complete or not at all.
"""

from __future__ import annotations

import hashlib
import json
import math
import mmap
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, final

import numpy as np
import numpy.typing as npt
import torch

from asrtrain.files.writing import appearing_whole, clear_leavings
from asrtrain.mapped import HEADER, pack_header, unpack_header

MAGIC = b"ASRRAGD3"
_FULL_SCALE = 1 << 15
"""What 1.0 is as an integer of 16 bits."""
_UNIT = 1 / _FULL_SCALE
_FLOAT = 4
"""Bytes of a float32, and what every array begins at a multiple of."""

RESIDENT = 16 << 20
"""Bytes of arrays that are read before the file's pages are given back: what a corpus of any size takes at most."""

Index = npt.NDArray[np.int64]
"""Of every array where it begins, counted in its own rows, how long it is, and whether it is of integers: (3, N)."""


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

    def __init__(self, data: npt.NDArray[np.uint8], width: Sequence[int], index: Index, mapping: mmap.mmap) -> None:
        self._floats = data.view(np.float32).reshape(-1, *width)
        self._integers = data.view(np.int16)
        self._starts: npt.NDArray[np.int64] = index[0]
        self.lengths: npt.NDArray[np.int64] = index[1]
        self._of_integers: npt.NDArray[np.bool_] = index[2] != 0
        self._mapping = mapping
        self._touched = 0

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
            data = content[HEADER : HEADER + header["data"]]
            return cls(data, header["width"], index.view(np.int64).reshape(3, -1), mapping)
        except (OSError, ValueError):
            return None

    @classmethod
    def write(cls, path: Path, key: str, arrays: Iterable[tuple[int, npt.NDArray[np.float32]]]) -> RaggedArray:
        """Write the arrays as they come, each with its number (all from 0 on, once), and map the result.

        The file is made under another name beside its place, flushed to the disk and renamed. Raises OSError, for
        instance of a full disk, and then leaves nothing behind.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        clear_leavings(path.parent)
        with appearing_whole(path) as file:
            _write(file, key, arrays)
        written = cls.open(path, key)
        if written is None:
            raise OSError(f"{path}: the file just written does not verify")
        return written

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> npt.NDArray[np.float32]:
        """One array (S,) or (T, F), as float32."""
        array = np.empty((self.lengths[index], *self._floats.shape[1:]), np.float32)
        self._read(index, array)
        return array

    def padded(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Some arrays as one tensor (B, S) or (B, T, F) float32, zero beyond each length, and the lengths (B,)."""
        lengths = self.lengths[indices]
        batch = np.zeros((len(lengths), int(lengths.max(initial=0)), *self._floats.shape[1:]), np.float32)
        for row, index, length in zip(batch, indices, lengths.tolist(), strict=True):
            self._read(index, row[:length])
        self._forget(int(lengths.sum()) * _FLOAT * int(np.prod(self._floats.shape[1:])))
        return torch.from_numpy(batch), torch.from_numpy(lengths)

    def _read(self, index: int, place: npt.NDArray[np.float32]) -> None:
        """Copy one array to where there is room for it."""
        first = self._starts[index]
        if self._of_integers[index]:
            np.multiply(self._integers[first : first + len(place)], _UNIT, out=place, dtype=np.float32)
        else:
            place[:] = self._floats[first : first + len(place)]

    def _forget(self, read: int) -> None:
        """Give pages back that were read: the kernel may keep them, but they are no memory of this process any more."""
        self._touched += read
        if self._touched > RESIDENT and hasattr(mmap, "MADV_DONTNEED"):
            self._mapping.madvise(mmap.MADV_DONTNEED)
            self._touched = 0


def _write(file: IO[bytes], key: str, arrays: Iterable[tuple[int, npt.NDArray[np.float32]]]) -> None:
    file.seek(HEADER)
    place, numbers, index = 0, array("q"), array("q")
    width: tuple[int, ...] | None = None
    for number, rows in arrays:
        width = rows.shape[1:] if width is None else width
        if rows.shape[1:] != width:
            raise ValueError(f"rows of shape {rows.shape[1:]} after rows of shape {width}")
        integers = None if width else _as_integers(rows)
        stored = np.ascontiguousarray(rows, np.float32) if integers is None else integers
        numbers.append(number)
        index.extend((place // (stored.itemsize * math.prod(width)), len(rows), integers is not None))
        file.write(stored.data)
        place += stored.nbytes + file.write(bytes(-stored.nbytes % _FLOAT))
    data = place + file.write(bytes(-place % 8))  # the index begins at a multiple of its item size
    by_number = _by_number(np.frombuffer(numbers, np.int64), np.frombuffer(index, np.int64)).tobytes()
    file.write(by_number)
    header = {
        "key": key, "width": list(width or ()), "data": place,
        "index": HEADER + data, "index_crc": zlib.crc32(by_number), "bytes": file.tell(),
    }  # fmt: skip
    file.seek(0)
    file.write(pack_header(MAGIC, header))


def _by_number(numbers: npt.NDArray[np.int64], written: npt.NDArray[np.int64]) -> Index:
    """The index (3, N) by number, of what was written in this order."""
    index = np.empty((3, len(numbers)), np.int64)
    index[:, numbers] = written.reshape(-1, 3).T
    return index


def _as_integers(waveform: npt.NDArray[np.float32]) -> npt.NDArray[np.int16] | None:
    """The integers of 16 bits that a recording (S,) consists of, if it does."""
    with np.errstate(over="ignore", invalid="ignore"):
        integers = (waveform * np.float32(_FULL_SCALE)).astype(np.int16)
    exact = np.array_equal(np.multiply(integers, _UNIT, dtype=np.float32), waveform)
    return integers if exact else None
