"""One JSON object a line, with NeMo's keys: audio_filepath, text, duration, offset, speaker, and id."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from asrtrain.data.complaints import Complaint
from asrtrain.data.formats.columns import meanings
from asrtrain.data.formats.entry import Entry
from asrtrain.data.formats.json_document import is_document, read_document
from asrtrain.data.formats.json_object import MOST_DIGITS, read_object
from asrtrain.data.formats.lines import Block, read_blocks, write_lines
from asrtrain.data.formats.paths import one_line, relative_audio
from asrtrain.data.formats.rows import Rows
from asrtrain.types import Source, Utterance

_TIMES = ("duration", "offset")
# Possessive (*+), since nothing that follows could match what was taken: without it matching takes twice as long.
_SIMPLE = r'[^"]*+'
_ESCAPED = r'[^"\\]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\]*+)*+'
_WHOLE = rf"(?:0|[1-9][0-9]{{0,{MOST_DIGITS - 1}}}+)"
_NUMBER = rf"-?+{_WHOLE}(?:\.[0-9]++)?+(?:[eE][+-]?+[0-9]++)?+"


def read_jsonl(path: Path, complaints: list[Complaint]) -> Iterator[Rows | list[Entry]]:
    """Read a JSON Lines manifest: many lines at once where all are alike, and the others one by one.

    An array of objects, and objects over several lines, are read too.
    """
    for block in read_blocks(path):
        if block.number == 1 and is_document(block):
            yield list(_entries_of(read_document(path), complaints))
            return
        rows = _alike(block)
        if rows is not None:
            yield rows
            continue
        lines, more = block.lines(complaints)
        yield list(_entries(lines, path, complaints))
        if not more:
            break


def write_jsonl(utterances: Sequence[Utterance], path: Path) -> None:
    """Write a JSON Lines manifest."""
    write_lines(path, (json.dumps(_written(u, path.parent), ensure_ascii=False) for u in utterances))


def _entries(lines: list[tuple[int, str]], path: Path, complaints: list[Complaint]) -> Iterator[Entry]:
    for number, line in lines:
        source = Source(path, number)
        try:
            yield _entry(_object(line), source)
        except ValueError as error:
            complaints.append(Complaint("malformed", str(error), source))


def _entries_of(objects: Iterator[tuple[Source, dict[str, Any]]], complaints: list[Complaint]) -> Iterator[Entry]:
    for source, values in objects:
        try:
            yield _entry(values, source)
        except ValueError as error:
            complaints.append(Complaint("malformed", str(error), source))


def _one_by_one(block: Block) -> list[Entry]:
    """The lines of a block that are all well-formed."""
    return list(_entries(block.lines([])[0], block.path, []))


def _alike(block: Block) -> Rows | None:
    """The values of a block whose lines all have the keys and the kinds of values of its first; None for any other."""
    text = block.text(b"\r\n")
    if text is None:
        return None
    try:
        line = text[: text.index("\n")]
        first = _object(line)
        found = meanings(first)
    except ValueError:
        return None
    escapes = "\\" in text
    pattern = _pattern(first, found, _ESCAPED if escapes else _SIMPLE, " " if '": ' in line else "")
    if pattern is None:
        return None
    values = pattern.findall(text)
    if len(values) != block.count:  # a string that holds the end of a line, too, makes one less
        return None
    columns = [_unescaped(column) if escapes else column for column in zip(*values, strict=True)]
    by_meaning = dict(zip(found, columns, strict=True))
    audio, name, speaker = (list(map(str.strip, by_meaning.get(what, ()))) for what in ("audio", "id", "speaker"))
    times = (by_meaning.get(what, ()) for what in ("duration", "offset"))
    lines = range(block.number, block.number + block.count)
    return Rows(block.path, lines, lambda: _one_by_one(block), audio, by_meaning["text"], name, speaker, *times)


def _pattern(example: dict[str, Any], found: dict[str, str], characters: str, blank: str) -> re.Pattern[str] | None:
    """What lines look like that have the keys of ``example`` in its order; a group for each key that means anything.

    ``blank`` stands behind every colon and comma: one that may or may not be there takes a tenth more time.
    """
    meaning_of = {key: meaning for meaning, key in found.items()}
    parts = []
    for key, value in example.items():
        kind = _kind(value, meaning_of.get(key), characters)
        if kind is None or key == "type":
            return None
        parts.append(f"{re.escape(json.dumps(key, ensure_ascii=False))}:{blank}{kind}")
    return re.compile(r"^\{" + f",{blank}".join(parts) + r"\}$", re.MULTILINE)


def _kind(value: object, meaning: str | None, characters: str) -> str | None:
    """The pattern of values like this one, with a group if it means anything; None where it would be a mistake."""
    if isinstance(value, str) and meaning not in _TIMES:
        return f'"({characters})"' if meaning else f'"{characters}"'
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if meaning is None or meaning in _TIMES:
        return f"({_NUMBER})" if meaning else _NUMBER
    return f"({_WHOLE})" if isinstance(value, int) else None


def _unescaped(values: Iterable[str]) -> list[str]:
    return [json.loads(f'"{value}"') if "\\" in value else value for value in values]


def _object(line: str) -> dict[str, Any]:
    value, end = read_object(line, len(line) - len(line.lstrip()))
    if line[end:].strip():
        raise ValueError(f"not JSON at column {end + 1}: Extra data")
    return value


def _entry(values: dict[str, Any], source: Source) -> Entry:
    if values.get("type") in ("command", "url"):
        raise ValueError(f"audio of type {values['type']!r}; commands are never run and nothing is fetched: use files")
    found = {meaning: values[key] for meaning, key in meanings(values).items() if values[key] is not None}
    audio, text, name, speaker = (_string(what, found.get(what, "")) for what in ("audio", "text", "id", "speaker"))
    duration, offset = (_number(what, found.get(what)) for what in ("duration", "offset"))
    return Entry(source, audio, text, name, speaker, duration, offset)


def _string(what: str, value: object) -> str:
    """Text, or a whole number as text: speakers and labels are often numbered."""
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value).strip()
    raise ValueError(f"the {what} is {json.dumps(value)[:40]}; expected text in quotes")


def _number(what: str, value: object) -> float | None:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    raise ValueError(f"the {what} is {json.dumps(value)[:40]}; expected a number of seconds")


def _written(utterance: Utterance, folder: Path) -> dict[str, Any]:
    values = {
        "id": utterance.id,
        "audio_filepath": relative_audio(utterance.audio, folder),
        "text": one_line(utterance.text),
        "duration": utterance.duration,
        "offset": utterance.offset or None,
        "speaker": utterance.speaker or None,
    }
    return {key: value for key, value in values.items() if value is not None}
