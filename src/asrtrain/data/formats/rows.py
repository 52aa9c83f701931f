"""Many lines of a manifest at once, as columns; what is unusual in them is left to ``entry``, line by line."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

import numpy as np
import numpy.typing as npt

from asrtrain.data.formats.entry import MOST_SECONDS, Entry, default_id
from asrtrain.data.interface import AUDIO_SUFFIXES
from asrtrain.data.strings import Strings

_PLAIN_AUDIO = re.compile(rf"[^|:]*[^|:/](?:{'|'.join(map(re.escape, AUDIO_SUFFIXES))})", re.IGNORECASE)
_ODD_PATH = re.compile(r"//|(?:^|[/\0])\.(?:/|\0)")
"""Paths that Python writes in another way, where an id would be made of one."""


Times = Sequence[str] | npt.NDArray[np.float64]
"""Seconds as written, or as numbers; what is empty or NaN is not known."""


class IrregularError(Exception):
    """What was to be read many lines at once has to be read line by line."""


@final
@dataclass(frozen=True, slots=True)
class Rows:
    """Values as written, one column for each meaning; a column may be empty: nothing is said in any line.

    ``entries`` reads the same lines again, one by one.
    """

    file: Path
    lines: range
    entries: Callable[[], list[Entry]]
    audio: Sequence[str]
    text: Sequence[str]
    id: Sequence[str]
    speaker: Sequence[str]
    duration: Times
    offset: Times


@final
@dataclass(frozen=True, slots=True)
class Checked:
    """Rows that nothing is wrong with, ready to be columns of a table."""

    file: Path
    ids: Strings
    audio: Strings
    texts: Strings
    speakers: Strings
    durations: npt.NDArray[np.float64]
    offsets: npt.NDArray[np.float64]
    lines: npt.NDArray[np.int32]
    hashes: npt.NDArray[np.int64]
    """Of the ids, as Python makes them in this process."""


@final
@dataclass(slots=True)
class RowCheck:
    """Checks rows as ``entry.utterance_of`` checks lines, but all at once."""

    folder: Path
    _there: set[str] = field(default_factory=set)

    def __call__(self, rows: Rows) -> Checked | None:
        """The columns; None if anything is unusual, so that each line has to be looked at."""
        count = len(rows.lines)
        try:
            durations = _seconds(rows.duration, count, np.nan)
            offsets = _seconds(rows.offset, count, 0.0)
            if (durations == 0).any() or not self._usual_audio(rows.audio):
                return None
            texts = list(map(str.strip, rows.text))
            speakers = rows.speaker or [""] * count
            names = _names(rows, offsets)
            if names is None or not all(texts):
                return None
            columns = (Strings.of(names), Strings.of(rows.audio), Strings.of(texts), Strings.of(speakers))
        except (ValueError, OverflowError):
            return None
        if any(_controls(columns[place]) for place in (0, 1, 3)):
            return None
        lines = np.arange(rows.lines.start, rows.lines.stop, dtype=np.int32)
        return Checked(rows.file, *columns, durations, offsets, lines, hashes_of(names))

    def _usual_audio(self, audio: Sequence[str]) -> bool:
        """Whether all are files with something in them, written in a plain way."""
        new = set(audio) - self._there
        folder = f"{self.folder}/"
        for name in new:
            if not _PLAIN_AUDIO.fullmatch(name):
                return False
            try:
                status = os.stat(folder + name if name[0] != "/" else name)  # noqa: PTH116  # a Path takes three times as long
            except OSError:
                return False
            if not stat.S_ISREG(status.st_mode) or not status.st_size:
                return False
        self._there = set(audio)  # parts of a recording stand together
        return True


def hashes_of(names: Sequence[str]) -> npt.NDArray[np.int64]:
    """Equal for equal names, in this process."""
    return np.fromiter(map(hash, names), np.int64, len(names))


def _seconds(written: Times, count: int, unknown: float) -> npt.NDArray[np.float64]:
    """Raises ValueError for what is no number of seconds."""
    if isinstance(written, np.ndarray):
        seconds, known = written, written[~np.isnan(written)]
    elif not any(written):
        return np.full(count, unknown)
    elif all(written):
        known = seconds = np.fromiter(map(float, written), np.float64, count)
    else:
        seconds = np.array([float(one) if one else unknown for one in written])
        known = seconds[[bool(one) for one in written]]
    if not ((known >= 0) & (known <= MOST_SECONDS)).all():
        raise ValueError("not a number of seconds")
    return seconds


def _names(rows: Rows, offsets: npt.NDArray[np.float64]) -> Sequence[str] | None:
    """The ids, made of the audio's path where none is given; None where that takes more care."""
    if all(rows.id) and rows.id:
        return rows.id
    if any(rows.id) or _ODD_PATH.search("\0".join(rows.audio)):
        return None
    if offsets.any():
        return [default_id(audio, offset) for audio, offset in zip(rows.audio, offsets.tolist(), strict=True)]
    return [audio[: audio.rindex(".")] for audio in rows.audio]


def _controls(words: Strings) -> bool:
    """Whether there are control characters but the NUL behind each text."""
    return bool((words.content < ord(" ")).sum() > len(words) or (words.content == 0x7F).any())


def plain_cells(text: str, delimiter: str, width: int) -> list[list[str]] | None:
    """The columns of lines of ``width`` cells, without quotes; None if a line has more or fewer."""
    content = np.frombuffer(text.encode(), np.uint8)
    ends = content[(content == ord(delimiter)) | (content == ord("\n"))] == ord("\n")
    if len(ends) % width or not (ends.reshape(-1, width) == (np.arange(width) == width - 1)).all():
        return None
    cells = text.replace("\n", delimiter).split(delimiter)
    return [cells[place : len(ends) : width] for place in range(width)]
