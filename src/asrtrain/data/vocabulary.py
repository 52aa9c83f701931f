"""The symbols a recogniser tells apart: classes of spoken words, characters, or words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, final

from asrtrain.errors import DataError
from asrtrain.files.reading import LARGEST_LIST, read_text
from asrtrain.files.writing import write_file

Unit = Literal["label", "char", "word"]
BLANK = "<blank>"
# A space cannot stand in a "symbol id" line, so it is written as a bar, and a bar by a name no character can have.
_WRITTEN = {" ": "|", "|": "<bar>"}
_READ = {written: symbol for symbol, written in _WRITTEN.items()}


@final
@dataclass(frozen=True)
class Vocabulary:
    """An ordered set of symbols; a symbol's id is its place. For ``char`` and ``word``, symbol 0 is the blank of CTC.

    Raises DataError if a symbol is doubled, is empty or holds white space other than the space.
    """

    symbols: tuple[str, ...]
    unit: Unit

    def __post_init__(self) -> None:
        if self.unit != "label" and self.symbols[:1] != (BLANK,):
            raise DataError(
                f"a vocabulary of {self.unit}s begins with {BLANK}; this one begins with {self.symbols[:1]}"
            )
        if len(self._ids) < len(self.symbols):
            doubled = sorted({symbol for symbol in self.symbols if self.symbols.count(symbol) > 1})
            raise DataError(f"the vocabulary has {named(doubled)} more than once")
        unwritable = [s for s in self.symbols if not s or any(c.isspace() and c != " " for c in s)]
        if unwritable:
            raise DataError(f"symbols must not be empty or hold white space but for spaces: {named(unwritable)}")

    @classmethod
    def from_texts(cls, texts: Iterable[str], unit: Unit) -> Vocabulary:
        """The symbols of normalised ``texts``, in code-point order. Raises DataError if there are none."""
        found = {symbol for text in texts for symbol in split(text, unit)}
        if not found:
            raise DataError("there is no text to make a vocabulary of")
        if unit == "label":
            return cls(tuple(sorted(found)), unit)
        if BLANK in found:
            raise DataError(f"the word {BLANK} is reserved for the blank of CTC; it cannot stand in a transcript")
        return cls((BLANK, *sorted(found)), unit)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {symbol: place for place, symbol in enumerate(self.symbols)}

    def __len__(self) -> int:
        return len(self.symbols)

    def encode(self, text: str) -> list[int]:
        """The ids of a normalised text: one for a label. Raises DataError naming every symbol not in the vocabulary."""
        unseen = self.unseen(text)
        if unseen:
            what = {"label": "class", "char": "character", "word": "word"}[self.unit]
            raise DataError(f"no such {what} in the vocabulary: {named(unseen)}, in the text {text!r}")
        return [self._ids[symbol] for symbol in split(text, self.unit)]

    def unseen(self, text: str) -> list[str]:
        """The symbols of ``text`` that the vocabulary lacks, each once, in the order of the text."""
        known = self._ids if self.unit == "label" else self._ids.keys() - {BLANK}
        return list(dict.fromkeys(symbol for symbol in split(text, self.unit) if symbol not in known))

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ``ids``, blanks left out."""
        separator = "" if self.unit == "char" else " "
        return separator.join(self.symbols[place] for place in ids if self.unit == "label" or place != 0)

    def save(self, path: Path) -> None:
        """Write ``tokens.txt``: lines ``symbol id``; the character space is written ``|``, and a bar ``<bar>``."""
        written = (self._written(symbol) for symbol in self.symbols)
        write_file(path, "".join(f"{symbol} {place}\n" for place, symbol in enumerate(written)))

    def _written(self, symbol: str) -> str:
        return _WRITTEN.get(symbol, symbol) if self.unit == "char" else symbol

    @classmethod
    def load(cls, path: Path, unit: Unit) -> Vocabulary:
        """Read ``tokens.txt``. Raises DataError naming the line that does not fit."""
        lines = read_text(path, LARGEST_LIST, DataError).splitlines()
        symbols = [_symbol(path, number, line) for number, line in enumerate(lines)]
        return cls(tuple(_READ.get(s, s) for s in symbols) if unit == "char" else tuple(symbols), unit)


def split(text: str, unit: Unit) -> Sequence[str]:
    """The symbols of a text: itself, its characters (code points), or its words."""
    if unit == "label":
        return (text,)
    return text if unit == "char" else text.split()


def named(symbols: Iterable[str], most: int = 10) -> str:
    """Symbols for a message, with the code point of single characters, which may look alike or not at all."""
    shown = [f"{s!r} (U+{ord(s):04X})" if len(s) == 1 and not s.isascii() else repr(s) for s in symbols]
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more


def _symbol(path: Path, place: int, line: str) -> str:
    symbol, _, number = line.rpartition(" ")
    if not symbol or number != str(place):
        raise DataError(f'{path}:{place + 1}: expected "symbol {place}", found {line!r}')
    return symbol
