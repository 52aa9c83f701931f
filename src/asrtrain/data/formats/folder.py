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
from asrtrain.data.formats.layouts import other_layout, refuse
from asrtrain.data.formats.rows import Rows
from asrtrain.data.formats.walk import walk
from asrtrain.data.new_folder import new_folder, refuse_occupied
from asrtrain.errors import DataError
from asrtrain.files.names import distinct_names
from asrtrain.files.writing import appearing_whole
from asrtrain.types import Source, Utterance

_ROOM = 20
"""Bytes of a file's name that are left for its suffix."""


def read_folder(path: Path, complaints: list[Complaint]) -> Iterator[Rows | list[Entry]]:
    """Read a folder per class, labels and files in the order of their names. What is left out becomes a notice.

    Raises DataError for a folder that is laid out in another way, and OSError.
    """
    found = walk(path)
    layout = other_layout(found)
    if layout and layout.certain:
        refuse(path, layout)
    if layout:
        complaints.append(Complaint("layout", layout.sentence, Source(path)))
    complaints += found.remarks()
    yield [entry for file in found.recordings if (entry := _entry(path, file, complaints))]


def _entry(root: Path, within: Path, complaints: list[Complaint]) -> Entry | None:
    source = Source(root / within)
    if len(within.parts) == 1:
        message = "lies beside the class folders: move it into the folder named by its label"
        complaints.append(Complaint("malformed", message, source))
        return None
    speaker, found, _ = within.stem.partition("_nohash_")
    return Entry(source, within.as_posix(), within.parts[0], speaker=speaker if found else "")


def write_folder(utterances: Sequence[Utterance], path: Path) -> None:
    """Copy the recordings to ``path/label/id.suffix``. Speakers have no place there.

    Raises DataError for labels that cannot name a folder, and for parts of recordings.
    """
    names = distinct_names(map(_own_name, utterances), _ROOM)
    refuse_occupied(path)
    with new_folder(path) as made:
        copy_audio(
            {made / _class_folder(u) / f"{_seen(names[_own_name(u)])}{u.audio.suffix}": u for u in utterances},
            len(utterances),
        )


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


def _own_name(utterance: Utterance) -> str:
    """The id without the label, which the folder says."""
    return utterance.id.removeprefix(f"{utterance.text}/")


def _seen(name: str) -> str:
    """A name that is not left out when the folder is read."""
    return f"id{name}" if name.startswith("_") else name
