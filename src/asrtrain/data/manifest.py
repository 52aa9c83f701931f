"""Manifests: lists of utterances in files, in any of the formats of ``formats``, or in shards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from asrtrain.data.complaints import Complaint, raise_any
from asrtrain.data.formats import FORMATS
from asrtrain.data.formats.entry import utterance_of
from asrtrain.data.formats.folder import read_folder
from asrtrain.data.formats.layouts import AUDIO_FOLDER, is_table, other_layout, refuse, splits
from asrtrain.data.formats.rows import IrregularError, RowCheck, Rows
from asrtrain.data.formats.walk import Walk, walk
from asrtrain.data.shar import read_shar
from asrtrain.data.shards import read_shards
from asrtrain.data.table import UtteranceTable
from asrtrain.data.table_builder import TableBuilder
from asrtrain.errors import DataError
from asrtrain.types import Source, Utterance

FormatName = Literal["csv", "tsv", "jsonl", "kaldi", "folder", "ljspeech"]
Known = Literal[FormatName, "shards", "shar"]
AnyFormat = Literal["auto", Known]
_SUFFIXES: dict[str, FormatName] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}
_TABLES = ("csv", "tsv", "jsonl")
_READERS = {name: each.read for name, each in FORMATS.items()} | {"shards": read_shards, "shar": read_shar}


def read_manifest(path: Path, format: AnyFormat = "auto", audio_root: Path | None = None) -> UtteranceTable:
    """Read a manifest; audio paths are relative to ``audio_root``, by default the manifest's folder; shards have none.

    Raises one DataError with a sentence for every line that cannot be used.
    """
    utterances, complaints = scan_manifest(path, format, audio_root)
    raise_any(complaints)
    return utterances


def scan_manifest(
    path: Path, format: AnyFormat = "auto", audio_root: Path | None = None
) -> tuple[UtteranceTable, list[Complaint]]:
    """The usable utterances of a manifest, and a complaint for everything else.

    Raises DataError where nothing can be read at all: no such file, an unknown format, an empty manifest.
    """
    complaints: list[Complaint] = []
    name = detect_format(path) if format == "auto" else format
    if audio_root is not None and name not in FORMATS:
        raise DataError(f"{path}: recordings lie inside of {name}: leave the root of audio paths away")
    folder = audio_root or (path if path.is_dir() else path.parent)
    beside = path if path.is_dir() and name in (*_TABLES, "ljspeech") else None
    if beside and name in _TABLES:
        path = table_within(path) or path
    try:
        builder = _read_quickly(name, path, folder) or _read(name, path, folder, complaints)
    except OSError as error:
        raise DataError(f"cannot read {error.filename or path}: {error.strerror}") from error
    if not builder and not any(complaint.severity == "error" for complaint in complaints):
        raise DataError("; ".join([f"{path}: no utterances in it, read as {name}", *(c.message for c in complaints)]))
    table = builder.finish(complaints)
    if beside:
        complaints += _beside(beside, table)
    complaints.sort(
        key=lambda complaint: (str(complaint.source.file), complaint.source.line or 0) if complaint.source else ("", 0)
    )
    return table, complaints


def remarks_on(path: Path, format: AnyFormat = "auto", audio_root: Path | None = None) -> list[Complaint]:
    """What is worth saying of a folder that can be read: what is left out of it. Raises DataError, OSError."""
    if not path.is_dir():
        return []
    name = detect_format(path) if format == "auto" else format
    complaints: list[Complaint] = []
    if name == "folder":
        for _ in read_folder(path, complaints):
            pass
    elif name in (*_TABLES, "ljspeech"):
        complaints = scan_manifest(path, format, audio_root)[1]
    return [complaint for complaint in complaints if complaint.severity != "error"]


def _beside(folder: Path, table: UtteranceTable) -> Iterator[Complaint]:
    """Remarks on recordings that a table does not name, and on those of several splits that it does."""
    found = walk(folder)
    named = {Path(audio).as_posix() for audio in table.audio}
    unnamed = [path for path in found.recordings if path.as_posix() not in named]
    if unnamed:
        yield from Walk(folder, left_out={"not named in the table": unnamed}).remarks()
    layout = splits(found)
    if layout:
        message = f"{', '.join(found.tops[:4])} seem to be splits, and all that the table names is read as one"
        yield Complaint("layout", message, Source(folder))


def _read_quickly(name: Known, path: Path, folder: Path) -> TableBuilder | None:
    quickly = FORMATS[name].quickly if name in FORMATS else None
    check, builder = RowCheck(folder), TableBuilder(folder)
    if quickly is None:
        return None
    try:
        for rows in quickly(path):
            columns = check(rows)
            if columns is None:
                return None
            builder.add(columns)
    except IrregularError:
        return None
    return builder


def _read(name: Known, path: Path, folder: Path, complaints: list[Complaint]) -> TableBuilder:
    check, builder = RowCheck(folder), TableBuilder(folder)
    for part in _READERS[name](path, complaints):
        columns = check(part) if isinstance(part, Rows) else None
        if columns is not None:
            builder.add(columns)
            continue
        entries = part.entries() if isinstance(part, Rows) else part
        found = [utterance_of(entry, folder, complaints) for entry in entries]
        builder.add_each([utterance for utterance in found if utterance])
    return builder


def write_manifest(utterances: Sequence[Utterance], path: Path, format: FormatName | None = None) -> None:
    """Write utterances in ``format``, by default the one of the suffix. Folder and LJSpeech take copies of the audio.

    Raises DataError if the format is neither stated nor plain, or cannot hold an utterance.
    """
    name = format or _SUFFIXES.get(path.suffix.lower())
    if name is None:
        raise DataError(f"which format shall {path} have? State one of {', '.join(FORMATS)}")
    FORMATS[name].write(utterances, path)


def detect_format(path: Path) -> Known:
    """Tell the format of a manifest from its name and first line. Raises DataError if that is impossible."""
    if path.is_dir():
        return _directory_format(path)
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    if not path.is_file():
        raise DataError(f"{path}: expected a file or a folder")
    if path.suffix.lower() == ".tar":
        return "shards"
    if path.name == "wav.scp":
        return "kaldi"
    first = _first_line(path)
    if first.startswith(("{", "[")):
        return "jsonl"
    if path.name == "metadata.csv" and first.count("|") in (1, 2) and "," not in first.split("|")[0]:
        return "ljspeech"
    return _SUFFIXES.get(path.suffix.lower(), "tsv" if "\t" in first else "csv")


def _directory_format(path: Path) -> Known:
    if (path / "wav.scp").is_file():
        return "kaldi"
    table = table_within(path)
    if table:
        return _table_format(table)
    if any(child.is_dir() and not child.name.startswith((".", "_")) for child in path.iterdir()):
        layout = other_layout(walk(path))
        if layout:
            refuse(path, layout)
        return "folder"
    if any(path.glob("cuts.*.jsonl.gz")):
        return "shar"
    if any(path.glob("*.tar")):
        return "shards"
    raise DataError(
        f"{path}: no manifest that is known: neither wav.scp (Kaldi), nor metadata.csv (AudioFolder, LJSpeech), "
        "nor a folder per class, nor shards (*.tar, or lhotse's Shar)"
    )


def _table_format(table: Path) -> Known:
    name = detect_format(table)
    if name == "ljspeech" or is_table(table):
        return name
    raise DataError(
        f"{table}: no columns that name recordings and texts, such as file_name and transcription; if the folders' "
        "names are the labels, say so: format: folder"
    )


def table_within(path: Path) -> Path | None:
    """The table of an AudioFolder, or LJSpeech's, which lies beside the recordings that it names."""
    return next((path / name for name in AUDIO_FOLDER if (path / name).is_file()), None)


def _first_line(path: Path) -> str:
    """The beginning of a file, as far as it tells the format."""
    try:
        with path.open("rb") as stream:
            start = stream.read(4096)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    lines = start.decode("utf-8-sig", errors="replace").split("\n")
    return next((line.strip() for line in lines if line.strip()), "")
