"""Many short texts as one block of bytes: a tenth of what a list of Python's strings takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Self, final, overload

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
_BLOCK = 1 << 14


@final
class Strings(Sequence[str]):
    """Texts without NUL, read one by one or in blocks.

    ``content`` is UTF-8, each text followed by a NUL; text i ends before ``ends[i]``, the place of its NUL.
    """

    def __init__(self, content: Bytes, ends: npt.NDArray[Any]) -> None:
        self.content, self.ends = content, ends

    @classmethod
    def of(cls, texts: Sequence[str]) -> Self:
        """Raises UnicodeEncodeError for half a character, ValueError for a text with a NUL."""
        content = np.frombuffer("\0".join([*texts, ""]).encode(), np.uint8)
        ends = np.flatnonzero(content == 0)
        if len(ends) != len(texts):
            raise ValueError("a text holds a NUL")
        return cls(content, ends.astype(_index(len(content))))

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """One after the other."""
        content = np.concatenate([np.zeros(0, np.uint8), *(part.content for part in parts)])
        ends = np.empty(sum(map(len, parts)), _index(len(content)))
        row = place = 0
        for part in parts:
            np.add(part.ends, place, out=ends[row : row + len(part)], casting="unsafe")
            row, place = row + len(part), place + len(part.content)
        return cls(content, ends)

    def __len__(self) -> int:
        return len(self.ends)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        return self._between(self._begin(place), int(self.ends[place]))

    def __iter__(self) -> Iterator[str]:
        for first in range(0, len(self), _BLOCK):
            last = min(first + _BLOCK, len(self))
            yield from self._between(self._begin(first), int(self.ends[last - 1])).split("\0")

    def at(self, places: npt.NDArray[np.int64]) -> Strings:
        """The texts at these places."""
        begins = np.concatenate([np.zeros(1, np.int64), self.ends[:-1].astype(np.int64) + 1])[places]
        lengths = self.ends[places].astype(np.int64) + 1 - begins
        ends = np.cumsum(lengths)
        content = np.empty(int(ends[-1]) if len(ends) else 0, np.uint8)
        for first in range(0, len(places), _BLOCK):  # an index of every byte is eight times as large as the bytes
            block = slice(first, first + _BLOCK)
            start = int(ends[first] - lengths[first])
            shift = np.repeat(begins[block] - (ends[block] - lengths[block]), lengths[block])
            stop = start + len(shift)
            content[start:stop] = self.content[np.arange(start, stop) + shift]
        return Strings(content, (ends - 1).astype(_index(len(content))))

    def _begin(self, place: int) -> int:
        return int(self.ends[place - 1]) + 1 if place else 0

    def _between(self, begin: int, end: int) -> str:
        return self.content[begin:end].tobytes().decode()


def _index(size: int) -> type[np.uint32] | type[np.int64]:
    return np.uint32 if size < 2**32 else np.int64
