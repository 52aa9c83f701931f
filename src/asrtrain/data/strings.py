"""Many short texts as one block of bytes: a tenth of what a list of Python's strings takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, final, overload

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[Any]
_BLOCK = 1 << 14


@final
class Strings(Sequence[str]):
    """Texts without NUL, read one by one or in blocks.

    ``content`` is UTF-8, each text followed by a NUL; text i begins at ``begins[i]`` and ends before ``ends[i]``, the
    place of its NUL. Without ``begins`` they are packed: one text after the other, and nothing else in ``content``.
    """

    def __init__(self, content: Bytes, ends: Places, begins: Places | None = None) -> None:
        self.content, self.ends, self.begins = content, ends, begins

    @staticmethod
    def of(texts: Sequence[str]) -> Strings:
        """Raises UnicodeEncodeError for half a character, ValueError for a text with a NUL."""
        content = np.frombuffer("\0".join([*texts, ""]).encode(), np.uint8)
        ends = np.flatnonzero(content == 0)
        if len(ends) != len(texts):
            raise ValueError("a text holds a NUL")
        return Strings(content, ends.astype(_index(len(content))))

    @staticmethod
    def of_each(texts: Iterable[str]) -> Strings:
        """The same of texts that come one by one, never all of them at once."""
        rest, builder = iter(texts), StringsBuilder()
        while block := list(islice(rest, _BLOCK)):
            builder.add(Strings.of(block))
        return builder.finish()

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
        return self.content[self._begin(place) : int(self.ends[place])].tobytes().decode()

    def __iter__(self) -> Iterator[str]:
        for block in self._blocks():
            yield from block.content[:-1].tobytes().decode().split("\0")

    def __reduce__(self) -> tuple[type[Strings], tuple[Bytes, Places]]:
        packed = self.packed()  # what is sent to another process are the texts alone
        return Strings, (packed.content, packed.ends)

    def at(self, places: npt.NDArray[np.int64]) -> Strings:
        """The texts at these places; their content is shared, so that a choice of many takes eight bytes each."""
        if self.begins is not None:
            return Strings(self.content, self.ends[places], self.begins[places])
        begins = self.ends[places - 1] + 1
        begins[places == 0] = 0
        return Strings(self.content, self.ends[places], begins)

    def packed(self) -> Strings:
        """The same texts packed."""
        if self.begins is None:
            return self
        builder = StringsBuilder()
        for block in self._blocks():
            builder.add(block)
        return builder.finish()

    def is_ascii(self) -> bool:
        """Whether all are ASCII; False, too, if only texts that share the content are not."""
        return not bool((self.content >= 0x80).any())

    def _blocks(self) -> Iterator[Strings]:
        """Some thousand texts each, packed."""
        for first in range(0, len(self), _BLOCK):
            ends = self.ends[first : first + _BLOCK].astype(np.int64)
            if self.begins is None:
                begin = self._begin(first)
                yield Strings(self.content[begin : int(ends[-1]) + 1], ends - begin)
                continue
            lengths = ends + 1 - self.begins[first : first + _BLOCK]
            packed = np.cumsum(lengths)
            places = np.arange(packed[-1]) + np.repeat(ends + 1 - packed, lengths)
            yield Strings(self.content[places], packed - 1)

    def _begin(self, place: int) -> int:
        if self.begins is not None:
            return int(self.begins[place])
        return int(self.ends[place - 1]) + 1 if place else 0


@final
@dataclass(slots=True)
class StringsBuilder:
    """Texts whose memory grows in place, so that there are never two copies of them."""

    _content: bytearray = field(default_factory=bytearray)
    _ends: bytearray = field(default_factory=bytearray)

    def add(self, words: Strings) -> None:
        """Add texts that are packed."""
        self._ends += (words.ends.astype(np.int64) + len(self._content)).data
        self._content += words.content.data

    def finish(self) -> Strings:
        """All texts, packed."""
        ends = np.frombuffer(self._ends, np.int64)
        return Strings(np.frombuffer(self._content, np.uint8), ends.astype(_index(len(self._content))))


def _index(size: int) -> type[np.uint32] | type[np.int64]:
    return np.uint32 if size < 2**32 else np.int64
