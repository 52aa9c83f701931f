"""A folder per class: the sub-folder's name is the label of every recording below it.

Hidden files and folders whose names begin with an underscore (``_background_noise_``) are left out. Speech Commands'
names tell the speaker: ``{speaker}_nohash_{index}.wav``.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from asrtrain.data.complaints import Complaint
from asrtrain.data.formats.entry import Entry
from asrtrain.data.formats.rows import Rows
from asrtrain.data.interface import AUDIO_SUFFIXES
from asrtrain.errors import DataError
from asrtrain.files.writing import appearing_whole
from asrtrain.types import Source, Utterance

_OTHER_AUDIO = (".3gp", ".ape", ".avi", ".mka", ".mkv", ".mov", ".pcm", ".raw", ".wv")


def read_folder(path: Path, complaints: list[Complaint]) -> Iterator[Rows | list[Entry]]:
    """Read a folder per class, labels and files in the order of their names."""
    entries = []
    for file in _files(path):
        within = file.relative_to(path)
        if len(within.parts) == 1:
            message = "lies beside the class folders: move it into the folder named by its label"
            complaints.append(Complaint("malformed", message, Source(file)))
        else:
            speaker, found, _ = file.stem.partition("_nohash_")
            entries.append(Entry(Source(file), within.as_posix(), within.parts[0], speaker=speaker if found else ""))
    yield entries


def _files(folder: Path, *, within_class: bool = False) -> Iterator[Path]:
    """Recordings, and files that look like them, so that none is left out in silence.

    A class folder may be a link; links to folders within it are not followed, lest they lead in circles.
    """
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "_")):
            continue
        if path.is_dir():
            if not (within_class and path.is_symlink()):
                yield from _files(path, within_class=True)
        elif path.suffix.lower() in AUDIO_SUFFIXES + _OTHER_AUDIO:
            yield path


def write_folder(utterances: Sequence[Utterance], path: Path) -> None:
    """Copy the recordings to ``path/label/id.suffix``. Speakers have no place there.

    Raises DataError for labels that cannot name a folder, and for parts of recordings.
    """
    copy_audio({path / _class_folder(u) / f"{_file_name(u)}{u.audio.suffix}": u for u in utterances}, len(utterances))


def copy_audio(places: dict[Path, Utterance], count: int) -> None:
    """Copy each utterance's recording to its place. Raises DataError if two share a place, or one is no whole file."""
    if len(places) < count:
        raise DataError(f"{count} utterances would become {len(places)} files: give them ids that differ as file names")
    part = next((u for u in places.values() if u.offset), None)
    if part:
        raise DataError(
            f"{part.source or part.id}: a part of a recording cannot be copied as a file: write jsonl or csv"
        )
    for place, utterance in places.items():
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with utterance.audio.open("rb") as source, appearing_whole(place) as copy:
                shutil.copyfileobj(source, copy)
        except OSError as error:
            raise DataError(f"cannot copy {utterance.audio} to {place}: {error.strerror}") from error


def _class_folder(utterance: Utterance) -> str:
    label = utterance.text
    if "/" in label or "\n" in label or label.startswith((".", "_")) or len(label.encode()) > 255:
        raise DataError(f"{utterance.source or utterance.id}: the label {label[:60]!r} cannot name a folder")
    return label


def _file_name(utterance: Utterance) -> str:
    return utterance.id.removeprefix(f"{utterance.text}/").replace("/", "_")
