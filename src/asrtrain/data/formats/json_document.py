"""JSON whose objects are no lines: one array of them, or objects that are spread over several lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from asrtrain.data.formats.json_object import read_object
from asrtrain.data.formats.lines import Block
from asrtrain.errors import DataError
from asrtrain.files.reading import read_text
from asrtrain.types import Source

LARGEST = 1 << 28
"""Bytes; a document is held in memory as a whole, which a file of lines is not."""
_HINT = 'write one object a line: {"audio_filepath": …, "text": …}'
_BLANK = re.compile(r"\s*")
_UNFINISHED = ("[", "{", ",", ":")


def is_document(first: Block) -> bool:
    """Whether a file that begins with this block goes on where a line of JSON Lines would end."""
    text = first.content.decode("utf-8-sig", "replace").lstrip()
    return text.startswith("[") or (text.startswith("{") and text.partition("\n")[0].rstrip().endswith(_UNFINISHED))


def read_document(path: Path) -> Iterator[tuple[Source, dict[str, Any]]]:
    """The objects, with the lines where they begin. Raises DataError with one sentence for anything else."""
    cursor = _Cursor(read_text(path, LARGEST, DataError))
    array = cursor.takes("[")
    while not (cursor.at_end() or (array and cursor.takes("]"))):
        source = Source(path, cursor.line)
        try:
            value, end = read_object(cursor.text, cursor.place)
        except ValueError as error:
            raise DataError(f"{source}: {error}; {_HINT}") from None
        _refuse_nested(value, source)
        yield source, value
        cursor.go(end)
        cursor.takes(",")
    if not cursor.at_end() or (array and not cursor.text.rstrip().endswith("]")):
        raise DataError(f"{path}:{cursor.line}: the array of objects does not end where the file ends; {_HINT}")


def _refuse_nested(value: dict[str, Any], source: Source) -> None:
    """Toolkits that keep all utterances in one object name them by its keys."""
    nested = next((key for key, inside in value.items() if isinstance(inside, dict)), None)
    if nested is not None and all(isinstance(inside, dict) for inside in value.values()):
        raise DataError(f"{source}: one object holds all others ({nested[:40]!r} is the first); {_HINT}")


@final
@dataclass(slots=True)
class _Cursor:
    """A place in a text behind white space, and the line that it is in, from 1."""

    text: str
    place: int = 0
    line: int = 1

    def __post_init__(self) -> None:
        self.go(0)

    def go(self, place: int) -> None:
        """Go on to ``place``, and behind the white space there."""
        blank = _BLANK.match(self.text, place)
        assert blank is not None
        end = blank.end()
        self.line += self.text.count("\n", self.place, end)
        self.place = end

    def takes(self, mark: str) -> bool:
        """Go behind ``mark``, if it is here."""
        here = self.text.startswith(mark, self.place)
        if here:
            self.go(self.place + 1)
        return here

    def at_end(self) -> bool:
        return self.place == len(self.text)
