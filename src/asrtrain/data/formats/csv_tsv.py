"""Tables with a header: CSV (quotes as in RFC 4180, but never over a line's end) and TSV (quotes are text).

A quote that opens and never closes would swallow every row up to the next one; here it is that row's complaint.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path

from asrtrain.data.complaints import Complaint
from asrtrain.data.formats.columns import Columns, find_columns
from asrtrain.data.formats.entry import Entry
from asrtrain.data.formats.lines import read_lines, write_lines
from asrtrain.data.formats.paths import one_line, relative_audio
from asrtrain.errors import DataError
from asrtrain.types import Source, Utterance

_HEADER = ("id", "audio", "text", "speaker", "duration", "offset")
_QUOTES = "; a field that holds the delimiter stands in quotes, and a quote within quotes is doubled"


def read_csv(path: Path, complaints: list[Complaint]) -> list[Entry]:
    """Read a table divided by commas; semicolons, tabs and bars are noticed by the header."""
    return _read(path, complaints, ",;\t|")


def read_tsv(path: Path, complaints: list[Complaint]) -> list[Entry]:
    """Read a table divided by tabs; commas, semicolons and bars are noticed by the header."""
    return _read(path, complaints, "\t,;|")


def write_csv(utterances: Sequence[Utterance], path: Path) -> None:
    """Write a table divided by commas."""
    write_lines(path, (_quoted(row) for row in _rows(utterances, path)))


def write_tsv(utterances: Sequence[Utterance], path: Path) -> None:
    """Write a table divided by tabs, without quotes."""
    write_lines(path, ("\t".join(row) for row in _rows(utterances, path)))


def _read(path: Path, complaints: list[Complaint], delimiters: str) -> list[Entry]:
    lines = read_lines(path, complaints)
    if not lines:
        return []
    number, header = lines[0]
    delimiter, columns = _sniffed(Source(path, number), header, delimiters)
    # Common Voice names recordings without their folder.
    clips = "clips/" if columns.named.issuperset({"client_id", "sentence"}) and (path.parent / "clips").is_dir() else ""
    entries = []
    for number, line in lines[1:]:
        try:
            cells = _cells(line, delimiter)
            entries.append(_entry(columns.values(cells), Source(path, number), clips))
        except (csv.Error, ValueError) as error:
            hint = "" if delimiter == "\t" else _QUOTES
            complaints.append(Complaint("malformed", f"{error}{hint}", Source(path, number)))
    return entries


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


def _rows(utterances: Sequence[Utterance], path: Path) -> Iterable[tuple[str, ...]]:
    yield _HEADER
    for u in utterances:
        duration = "" if u.duration is None else repr(float(u.duration))
        offset = repr(float(u.offset)) if u.offset else ""
        yield u.id, relative_audio(u.audio, path.parent), one_line(u.text), u.speaker, duration, offset


def _quoted(row: Sequence[str]) -> str:
    line = StringIO()
    csv.writer(line, lineterminator="").writerow(row)
    return line.getvalue()
