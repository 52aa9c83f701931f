"""Tables with a header: CSV (quotes as in RFC 4180, but never over a line's end) and TSV (quotes are text).

A quote that opens and never closes would swallow every row up to the next one; here it is that row's complaint.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import final

from asrtrain.data.complaints import Complaint
from asrtrain.data.formats.columns import Columns, find_columns
from asrtrain.data.formats.entry import Entry
from asrtrain.data.formats.lines import Block, read_blocks, write_lines
from asrtrain.data.formats.paths import one_line, relative_audio
from asrtrain.data.formats.rows import Rows, plain_cells
from asrtrain.errors import DataError
from asrtrain.types import Source, Utterance

_MEANINGS = ("audio", "text", "id", "speaker", "duration", "offset")
_HEADER = ("id", "audio", "text", "speaker", "duration", "offset")
_QUOTES = "; a field that holds the delimiter stands in quotes, and a quote within quotes is doubled"


@final
@dataclass(frozen=True, slots=True)
class _Table:
    """What the header says, and the folder that audio is in without being named."""

    delimiter: str
    columns: Columns
    clips: str


def read_csv(path: Path, complaints: list[Complaint]) -> Iterator[Rows | list[Entry]]:
    """Read a table divided by commas; semicolons, tabs and bars are noticed by the header."""
    return _read(path, complaints, ",;\t|")


def read_tsv(path: Path, complaints: list[Complaint]) -> Iterator[Rows | list[Entry]]:
    """Read a table divided by tabs; commas, semicolons and bars are noticed by the header."""
    return _read(path, complaints, "\t,;|")


def write_csv(utterances: Sequence[Utterance], path: Path) -> None:
    """Write a table divided by commas."""
    write_lines(path, (_quoted(row) for row in _written(utterances, path)))


def write_tsv(utterances: Sequence[Utterance], path: Path) -> None:
    """Write a table divided by tabs, without quotes."""
    write_lines(path, ("\t".join(row) for row in _written(utterances, path)))


def _read(path: Path, complaints: list[Complaint], delimiters: str) -> Iterator[Rows | list[Entry]]:
    table: _Table | None = None
    for block in read_blocks(path):
        rows = _rows(block, table) if table else None
        if rows is not None:
            yield rows
            continue
        lines, more = block.lines(complaints)
        if lines and table is None:
            number, header = lines.pop(0)
            delimiter, columns = _sniffed(Source(path, number), header, delimiters)
            table = _Table(delimiter, columns, _clips(path, columns))
        if table:
            yield list(_entries(lines, path, table, complaints))
        if not more:
            break


def _clips(path: Path, columns: Columns) -> str:
    """Common Voice names recordings without their folder."""
    return "clips/" if columns.named.issuperset({"client_id", "sentence"}) and (path.parent / "clips").is_dir() else ""


def _entries(
    lines: Sequence[tuple[int, str]], path: Path, table: _Table, complaints: list[Complaint]
) -> Iterator[Entry]:
    for number, line in lines:
        try:
            yield _entry(table.columns.values(_cells(line, table.delimiter)), Source(path, number), table.clips)
        except (csv.Error, ValueError) as error:
            hint = "" if table.delimiter == "\t" else _QUOTES
            complaints.append(Complaint("malformed", f"{error}{hint}", Source(path, number)))


def _rows(block: Block, table: _Table) -> Rows | None:
    """The values of a block whose lines are all as wide as the header; None for any other."""
    text = block.text(b"\t\r\n")
    if text is None:
        return None
    divide = _quoted_cells if '"' in text and table.delimiter != "\t" else plain_cells
    cells = divide(text, table.delimiter, table.columns.width)
    if cells is None:
        return None
    found = {meaning: cells[place] for meaning, place in table.columns.places.items()}
    found |= {meaning: list(map(str.strip, found[meaning])) for meaning in found.keys() - {"text"}}
    if table.clips:
        found["audio"] = [table.clips + audio if audio else "" for audio in found["audio"]]
    lines = range(block.number, block.number + block.count)
    values = (found.get(what, []) for what in _MEANINGS)
    return Rows(block.path, lines, lambda: list(_entries(block.lines([])[0], block.path, table, [])), *values)


def _quoted_cells(text: str, delimiter: str, width: int) -> list[list[str]] | None:
    """The columns of lines with quotes; None if one has another width, or quotes that do not close in it."""
    lines = text.split("\n")[:-1]
    try:
        table = list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    if len(table) != len(lines) or any(len(row) != width for row in table):
        return None
    return [list(column) for column in zip(*table, strict=True)]


def _sniffed(source: Source, header: str, delimiters: str) -> tuple[str, Columns]:
    """The delimiter, and the columns that it makes of the header."""
    mistakes: list[str] = []
    for delimiter in delimiters:
        try:
            return delimiter, find_columns(_cells(header, delimiter))
        except (csv.Error, ValueError) as error:
            if delimiter in header or not mistakes:
                mistakes.append(str(error))
    raise DataError(f"{source}: {mistakes[-1]}")


def _cells(line: str, delimiter: str) -> list[str]:
    if delimiter == "\t":
        return line.split("\t")
    return next(csv.reader([line], delimiter=delimiter, strict=True))


def _entry(values: dict[str, str], source: Source, clips: str) -> Entry:
    audio = values["audio"].strip()
    return Entry(
        source,
        clips + audio if audio else "",
        values["text"],
        values.get("id", "").strip(),
        values.get("speaker", "").strip(),
        values.get("duration", "").strip(),
        values.get("offset", "").strip(),
    )


def _written(utterances: Sequence[Utterance], path: Path) -> Iterable[tuple[str, ...]]:
    yield _HEADER
    for u in utterances:
        duration = "" if u.duration is None else repr(float(u.duration))
        offset = repr(float(u.offset)) if u.offset else ""
        yield u.id, relative_audio(u.audio, path.parent), one_line(u.text), u.speaker, duration, offset


def _quoted(row: Sequence[str]) -> str:
    line = StringIO()
    csv.writer(line, lineterminator="").writerow(row)
    return line.getvalue()
