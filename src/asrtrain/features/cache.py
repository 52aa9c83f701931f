"""Many arrays of different length in one file: waveforms or features that nobody needs to make twice.

Layout: a header of 4096 bytes (magic, its own CRC-32, JSON), all arrays in the order in which they were made, the index
(int64: where each array begins, how long each is, which are integers, the CRC-32 of each), columns of one number an
array (float64). Waveforms that 16-bit integers hold exactly, as those of most recordings, are kept as such; all else is
float32. The file appears under its name complete or not at all. It is read, not mapped into memory: of a file that
another process cuts short, a read comes back short, whereas a mapping ends the process.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, final

import numpy as np
import numpy.typing as npt
import torch

from asrtrain.files.kept import HEADER, KeptFile, pack_header, writing_kept

MAGIC = b"ASRRAGD4"
_FULL_SCALE = 1 << 15
"""What 1.0 is as an integer of 16 bits."""
_UNIT = 1 / _FULL_SCALE
_FLOAT, _INTEGER = 4, 2
"""Bytes of a number."""

Index = npt.NDArray[np.int64]
"""Of every array where it begins, in bytes after the header, how long it is in rows, whether it is of integers, and its
CRC-32: (4, N)."""

Columns = Mapping[str, npt.NDArray[np.float64]]
"""What else is known of the arrays, one number (N,) each, by the name of what it is."""


def fingerprint(value: object) -> str:
    """SHA-256 of a value made of JSON's types, in hexadecimal: the same for equal values, on any machine.

    Name in it everything that changes the numbers.
    """
    return hashlib.sha256(_canonical(value).encode()).hexdigest()


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


@final
class RaggedArray:
    """Arrays (S,), or (T, F) with one F, read from the file as they are asked for, and checked each time.

    ``columns`` are what was said of them when they were written.
    """

    def __init__(self, file: KeptFile, width: Sequence[int], index: Index, columns: Columns) -> None:
        self._file, self._width = file, tuple(width)
        self._starts: npt.NDArray[np.int64] = index[0]
        self.lengths: npt.NDArray[np.int64] = index[1]
        self._of_integers: npt.NDArray[np.bool_] = index[2] != 0
        self._checksums = index[3]
        self.columns = columns

    @classmethod
    def open(cls, path: Path, key: str) -> RaggedArray | None:
        """Open a file in milliseconds; None where there is none with this key. Raises DamagedError."""
        file = KeptFile.open(path, MAGIC)
        if file is None or file.header.get("key") != key:
            return None
        header = file.header
        count, names = header["arrays"], header["columns"]
        content = file.read(header["index"], 8 * count * (4 + len(names)), header["index_crc"])
        rows = np.frombuffer(content, np.int64).reshape(4 + len(names), count)
        columns = dict(zip(names, rows[4:].view(np.float64), strict=True))
        return cls(file, header["width"], rows[:4], columns)

    @classmethod
    def write(
        cls,
        path: Path,
        key: str,
        arrays: Iterable[tuple[int, npt.NDArray[np.float32]]],
        columns: Callable[[], Columns] = dict,
    ) -> RaggedArray:
        """Write the arrays as they come, each with its number (all from 0 on, once), and open the result.

        ``columns`` is asked after the last array. The file is made under another name beside its place, flushed to the
        disk and renamed. Raises OSError, for instance of a full disk, and then leaves nothing behind.
        """
        with writing_kept(path) as file:
            _write(file, key, arrays, columns)
        written = cls.open(path, key)
        if written is None:
            raise OSError(f"{path}: the file just written does not verify")
        return written

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> npt.NDArray[np.float32]:
        """One array (S,) or (T, F), as float32. Raises DamagedError."""
        array = np.empty((self.lengths[index], *self._width), np.float32)
        self._read(index, array)
        return array

    def padded(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Some arrays as one tensor (B, S) or (B, T, F) float32, zero beyond each length, and the lengths (B,).

        Raises DamagedError.
        """
        lengths = self.lengths[indices]
        batch = np.zeros((len(lengths), int(lengths.max(initial=0)), *self._width), np.float32)
        for row, index, length in zip(batch, indices, lengths.tolist(), strict=True):
            self._read(index, row[:length])
        return torch.from_numpy(batch), torch.from_numpy(lengths)

    def _read(self, index: int, place: npt.NDArray[np.float32]) -> None:
        """Copy one array to where there is room for it."""
        of_integers = self._of_integers[index]
        size = place.size * (_INTEGER if of_integers else _FLOAT)
        content = self._file.read(HEADER + int(self._starts[index]), size, int(self._checksums[index]))
        if of_integers:
            np.multiply(np.frombuffer(content, np.int16), _UNIT, out=place, dtype=np.float32)
        else:
            place[:] = np.frombuffer(content, np.float32).reshape(place.shape)


def _write(
    file: IO[bytes],
    key: str,
    arrays: Iterable[tuple[int, npt.NDArray[np.float32]]],
    columns: Callable[[], Columns],
) -> None:
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
        index.extend((place, len(rows), integers is not None, zlib.crc32(stored.data)))
        place += file.write(stored.data)
    known = columns()
    content = [_by_number(np.frombuffer(numbers, np.int64), np.frombuffer(index, np.int64))]
    content += [np.asarray(column, np.float64).view(np.int64).reshape(1, -1) for column in known.values()]
    joined = np.concatenate(content).tobytes()
    file.write(joined)
    header: dict[str, Any] = {
        "key": key, "width": list(width or ()), "arrays": len(numbers), "columns": list(known),
        "index": HEADER + place, "index_crc": zlib.crc32(joined), "bytes": file.tell(),
    }  # fmt: skip
    file.seek(0)
    file.write(pack_header(MAGIC, header))


def _by_number(numbers: npt.NDArray[np.int64], written: npt.NDArray[np.int64]) -> Index:
    """The index (4, N) by number, of what was written in this order."""
    index = np.empty((4, len(numbers)), np.int64)
    index[:, numbers] = written.reshape(-1, 4).T
    return index


def _as_integers(waveform: npt.NDArray[np.float32]) -> npt.NDArray[np.int16] | None:
    """The integers of 16 bits that a recording (S,) consists of, if it does."""
    with np.errstate(over="ignore", invalid="ignore"):
        integers = (waveform * np.float32(_FULL_SCALE)).astype(np.int16)
    exact = np.array_equal(np.multiply(integers, _UNIT, dtype=np.float32), waveform)
    return integers if exact else None
