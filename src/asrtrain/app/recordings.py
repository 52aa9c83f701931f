"""Which recordings the inputs of ``transcribe`` mean, and where the transcript of each belongs in a folder."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from glob import glob, has_magic
from itertools import takewhile
from pathlib import Path, PurePath
from typing import final

from asrtrain.data.interface import AUDIO_SUFFIXES
from asrtrain.errors import DataError
from asrtrain.files.names import LONGEST, safe_name

STANDARD_INPUT = "-"


@final
@dataclass(frozen=True, slots=True)
class Recording:
    """A recording by its path, and the same path below the folder that its input stands for."""

    name: str
    within: PurePath


def find_recordings(inputs: Sequence[str | Path]) -> list[Recording]:
    """The recordings that the inputs mean, in order: of a folder all in and below it. Raises DataError for none.

    Where two are the same below their inputs, all are seen from the folder that is common to them.
    """
    found = [recording for item in map(str, inputs) for recording in _meant(item)]
    different = {(_folded(one.within), os.path.abspath(one.name)) for one in found}  # noqa: PTH100
    if len({within for within, _ in different}) == len(different):
        return found
    files = [os.path.abspath(one.name) for one in found if one.name != STANDARD_INPUT]  # noqa: PTH100
    common = os.path.commonpath([os.path.dirname(file) for file in files])  # noqa: PTH120
    return [one if one.name == STANDARD_INPUT else replace(one, within=_below(one.name, Path(common))) for one in found]


def transcript_paths(recordings: Sequence[Recording], folder: Path, suffix: str) -> list[Path]:
    """A path for the transcript of each recording in a folder, no two of them equal, upper and lower case taken as one.

    Where recordings differ in their suffix alone, it is kept; of one that is given twice the second has a number.
    """
    alike = Counter(_folded(within.with_suffix("")) for within in {one.within for one in recordings})
    taken: set[str] = set()
    found = []
    for one in recordings:
        stem = one.within.with_suffix("")
        stem, number = (one.within if alike[_folded(stem)] > 1 else stem), 1
        path = _named(stem, suffix)
        while _folded(path) in taken:
            number += 1
            path = _named(stem, f"-{number}{suffix}")
        taken.add(_folded(path))
        found.append(folder / path)
    return found


def _meant(item: str) -> list[Recording]:
    path = Path(item)
    if item == STANDARD_INPUT or path.is_file():
        return [Recording(item, PurePath(path.name))]
    if path.is_dir():
        root, found = path, [file for file in path.rglob("*") if file.suffix.lower() in AUDIO_SUFFIXES]
    elif has_magic(item):
        root = Path(*takewhile(lambda part: not has_magic(part), path.parts))
        found = [Path(file) for file in glob(item, recursive=True)]  # noqa: PTH207
    else:
        raise DataError(f"{item}: there is no such file or folder")
    if not found:
        raise DataError(f"{item}: no recording there ({', '.join(AUDIO_SUFFIXES)})")
    return [Recording(str(file), _below(str(file), root)) for file in sorted(found)]


def _below(file: str, folder: Path) -> PurePath:
    """The path of a file as seen from a folder; its name, if it lies elsewhere."""
    path = Path(os.path.abspath(file))  # noqa: PTH100 - of a link its own place, not what it points to
    return path.relative_to(folder.absolute()) if path.is_relative_to(folder.absolute()) else PurePath(path.name)


def _named(stem: PurePath, suffix: str) -> PurePath:
    fits = len(os.fsencode(stem.name + suffix)) <= LONGEST
    return stem.with_name((stem.name if fits else safe_name(stem.name, len(suffix))) + suffix)


def _folded(path: PurePath) -> str:
    return str(path).casefold()
