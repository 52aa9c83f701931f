"""LJSpeech's ``metadata.csv``: lines ``id|text|normalised text`` without header or quotes, recordings in ``wavs/``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from asrtrain.data.complaints import Complaint
from asrtrain.data.formats.entry import Entry
from asrtrain.data.formats.folder import copy_audio
from asrtrain.data.formats.lines import read_lines, write_lines
from asrtrain.data.formats.paths import one_line
from asrtrain.data.formats.rows import Rows
from asrtrain.data.interface import AUDIO_SUFFIXES
from asrtrain.data.new_folder import new_folder, refuse_occupied
from asrtrain.errors import DataError
from asrtrain.files.names import distinct_names
from asrtrain.types import Source, Utterance

METADATA = "metadata.csv"
_ROOM = 20
"""Bytes of a file's name that are left for its suffix."""


def read_ljspeech(path: Path, complaints: list[Complaint]) -> Iterator[Rows | list[Entry]]:
    """Read ``metadata.csv``, given as the file or its folder. The normalised text is used where there is one."""
    metadata = path / METADATA if path.is_dir() else path
    entries = []
    for number, line in read_lines(metadata, complaints):
        source = Source(metadata, number)
        name, *texts = line.split("|")
        if len(texts) not in (1, 2):
            complaints.append(
                Complaint("malformed", f"{len(texts) + 1} columns; expected id|text|normalised text", source)
            )
        elif not name.strip():
            complaints.append(Complaint("malformed", "the id is empty", source))
        else:
            text = texts[-1] if texts[-1].strip() else texts[0]
            entries.append(Entry(source, _recording(metadata.parent, name.strip()), text, name.strip()))
    yield entries


def _recording(folder: Path, name: str) -> str:
    candidates = [
        f"wavs/{name}{suffix}" for suffix in ("", *AUDIO_SUFFIXES) if f"{name}{suffix}".endswith(AUDIO_SUFFIXES)
    ]
    return next((candidate for candidate in candidates if (folder / candidate).is_file()), candidates[0])


def write_ljspeech(utterances: Sequence[Utterance], path: Path) -> None:
    """Write ``metadata.csv`` (``path``, or the folder for it) and copy the recordings to ``wavs/`` beside it.

    Speakers have no place there. Raises DataError for ids or texts with a bar, and for parts of recordings.
    """
    folder = path.parent if path.name == METADATA else path
    barred = next((u for u in utterances if "|" in u.id + u.text), None)
    if barred:
        raise DataError(
            f"{barred.source or barred.id}: a bar divides the columns of metadata.csv; {barred.id!r} has one"
        )
    names = distinct_names((u.id for u in utterances), _ROOM)
    refuse_occupied(folder)
    with new_folder(folder) as made:
        copy_audio({made / "wavs" / f"{names[u.id]}{u.audio.suffix}": u for u in utterances}, len(utterances))
        texts = ((names[u.id], one_line(u.text)) for u in utterances)
        write_lines(made / METADATA, (f"{name}|{text}|{text}" for name, text in texts))
