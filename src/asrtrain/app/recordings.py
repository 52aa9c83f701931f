"""Which recordings the inputs of ``transcribe`` mean, and where the transcript of each belongs in a folder."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from glob import glob, has_magic
from itertools import takewhile
from pathlib import Path, PurePath
from typing import cast, final

from asrtrain.app.samples import Samples, as_wav, is_samples
from asrtrain.data.interface import AUDIO_SUFFIXES
from asrtrain.errors import DataError
from asrtrain.files.home import at_home
from asrtrain.files.names import LONGEST, safe_name
from asrtrain.terminal import say
from asrtrain.types import Hertz

STANDARD_INPUT = "-"


Input = str | Path | Samples


@final
@dataclass(frozen=True, slots=True)
class Recording:
    """A recording by its path, and the same path below the folder that its input stands for.

    What was given as samples has no path: it has a name, and is a WAV file in memory.
    """

    name: str
    within: PurePath
    content: bytes | None = None


def find_recordings(inputs: Input | Sequence[Input], sample_rate: Hertz | None = None) -> list[Recording]:
    """The recordings that the inputs mean, in order: of a folder all in and below it.

    Samples are of this rate. Where two are the same below their inputs, all are seen from the folder that is common to
    them. Raises DataError for none, and UsageError for samples of no rate.
    """
    single = isinstance(inputs, str | Path) or is_samples(inputs)
    items = cast(Sequence[Input], [inputs] if single else inputs)
    arrays = [as_wav(item, sample_rate) if is_samples(item) else None for item in items]
    found = []
    for number, (item, content) in enumerate(zip(items, arrays, strict=True), start=1):
        name = "samples" if single else f"samples {number}"
        found += _meant(str(item)) if content is None else [Recording(name, PurePath(name), content)]
    different = {(_folded(one.within), os.path.abspath(one.name)) for one in found}  # noqa: PTH100
    if len({within for within, _ in different}) == len(different):
        return found
    files = [os.path.abspath(one.name) for one in found if _has_path(one)]  # noqa: PTH100
    common = os.path.commonpath([os.path.dirname(file) for file in files])  # noqa: PTH120
    return [replace(one, within=_below(one.name, Path(common))) if _has_path(one) else one for one in found]


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


def _has_path(recording: Recording) -> bool:
    return recording.name != STANDARD_INPUT and recording.content is None


def _meant(written: str) -> list[Recording]:
    item = at_home(written)
    path = Path(item)
    if not item:  # which would be the working folder: a variable of the shell that is not set
        raise DataError("an empty name: give a recording, a folder, a pattern, or - for standard input")
    if item == STANDARD_INPUT or path.is_file():
        return [Recording(item, PurePath(path.name))]
    if path.is_dir():
        root, found = path, [file for file in _files_below(path) if file.suffix.lower() in AUDIO_SUFFIXES]
    elif has_magic(item):
        root = Path(*takewhile(lambda part: not has_magic(part), path.parts))
        found = [Path(file) for file in glob(item, recursive=True)]  # noqa: PTH207
    elif path.exists():
        raise DataError(f"{item}: is neither a file nor a folder; give - to read standard input")
    else:
        raise DataError(f"{item}: there is no such file or folder")
    if not found:
        raise DataError(f"{item}: no recording there ({', '.join(AUDIO_SUFFIXES)})")
    return [Recording(str(file), _below(str(file), root)) for file in sorted(found)]


def _files_below(folder: Path) -> Iterator[Path]:
    for within, _, names in os.walk(folder, onerror=_tell_unless_gone):
        yield from (Path(within, name) for name in names)


def _tell_unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        say(f"{error.filename}: {error.strerror}; recordings in it are left out")


def _below(file: str, folder: Path) -> PurePath:
    """The path of a file as seen from a folder; its name, if it lies elsewhere."""
    path = Path(os.path.abspath(file))  # noqa: PTH100 - of a link its own place, not what it points to
    return path.relative_to(folder.absolute()) if path.is_relative_to(folder.absolute()) else PurePath(path.name)


def _named(stem: PurePath, suffix: str) -> PurePath:
    fits = len(os.fsencode(stem.name + suffix)) <= LONGEST
    return stem.with_name((stem.name if fits else safe_name(stem.name, len(suffix))) + suffix)


def _folded(path: PurePath) -> str:
    return str(path).casefold()
