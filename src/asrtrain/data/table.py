"""Utterances as columns: 36 bytes each and what is written of them, about 150 in all; as records they take 650."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import isnan, nan
from os.path import isabs
from pathlib import Path
from typing import Any, final, overload

import numpy as np
import numpy.typing as npt

from asrtrain.data.strings import Strings
from asrtrain.types import Source, Utterance

Places = npt.NDArray[np.int64]


@final
@dataclass(frozen=True, slots=True)
class UtteranceTable(Sequence[Utterance]):
    """A sequence of utterances whose records are made as they are asked for.

    ``audio`` is as written, relative to ``folder``; ``durations`` (float64) are NaN where unknown; ``lines`` (int32)
    count from 1 in ``file``, and are 0 where the recording itself declares the utterance.
    """

    file: Path
    folder: Path
    ids: Strings
    audio: Strings
    texts: Strings
    speakers: Strings
    durations: npt.NDArray[np.float64]
    offsets: npt.NDArray[np.float64]
    lines: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, index: int) -> Utterance: ...
    @overload
    def __getitem__(self, index: slice) -> UtteranceTable: ...
    def __getitem__(self, index: int | slice) -> Utterance | UtteranceTable:
        if isinstance(index, slice):
            return self.at(np.arange(len(self))[index])
        return self._record(
            *(column[index] for column in (self.ids, self.audio, self.texts, self.speakers)),
            float(self.durations[index]),
            float(self.offsets[index]),
            int(self.lines[index]),
        )

    def __iter__(self) -> Iterator[Utterance]:
        words = (self.ids, self.audio, self.texts, self.speakers)
        numbers = (_numbers(column) for column in (self.durations, self.offsets, self.lines))
        return map(self._record, *words, *numbers)

    def at(self, places: Places) -> UtteranceTable:
        """The utterances at these places, in this order; what they are called and say is shared with this table."""
        columns = {name: getattr(self, name) for name in ("ids", "audio", "texts", "speakers")}
        numbers = {name: getattr(self, name)[places] for name in ("durations", "offsets", "lines")}
        return replace(self, **{name: column.at(places) for name, column in columns.items()}, **numbers)

    def with_texts(self, rewrite: Callable[[str], str]) -> UtteranceTable:
        """The same utterances with other texts."""
        return replace(self, texts=Strings.of_each(map(rewrite, self.texts)))

    def _record(self, *values: Any) -> Utterance:  # noqa: ANN401  # a value of each column
        name, audio, text, speaker, duration, offset, line = values
        known = None if isnan(duration) else duration
        path = Path(self.folder, audio)
        source = Source(self.file, line) if line else Source(path)
        return Utterance(name, path, text, speaker, known, offset, source)


_BLOCK = 1 << 14


def _numbers(column: npt.NDArray[Any]) -> Iterator[Any]:
    for first in range(0, len(column), _BLOCK):
        yield from column[first : first + _BLOCK].tolist()


def chosen(utterances: Sequence[Utterance], mask: npt.NDArray[np.bool_]) -> Sequence[Utterance]:
    """Those that are marked; a table of a table, a list of anything else."""
    if isinstance(utterances, UtteranceTable):
        return utterances.at(np.flatnonzero(mask))
    return [utterances[place] for place in np.flatnonzero(mask).tolist()]


def ids_of(utterances: Sequence[Utterance]) -> Sequence[str]:
    """The ids, without making records where there are none."""
    return utterances.ids if isinstance(utterances, UtteranceTable) else [utterance.id for utterance in utterances]


def speakers_of(utterances: Sequence[Utterance]) -> Sequence[str]:
    """The speakers, in the same way."""
    if isinstance(utterances, UtteranceTable):
        return utterances.speakers
    return [utterance.speaker for utterance in utterances]


def texts_of(utterances: Sequence[Utterance]) -> Sequence[str]:
    """The texts, in the same way."""
    return utterances.texts if isinstance(utterances, UtteranceTable) else [utterance.text for utterance in utterances]


def paths_of(utterances: Sequence[Utterance]) -> Iterable[str]:
    """Where the recordings are, in the same way."""
    if not isinstance(utterances, UtteranceTable):
        return (str(utterance.audio) for utterance in utterances)
    folder = str(utterances.folder / "_")[:-1]
    return (audio if isabs(audio) else folder + audio for audio in utterances.audio)  # noqa: PTH117


def sections_of(utterances: Sequence[Utterance]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Offsets and durations (NaN where unknown), in the same way."""
    if isinstance(utterances, UtteranceTable):
        return utterances.offsets, utterances.durations
    durations = (nan if u.duration is None else u.duration for u in utterances)
    return np.array([u.offset for u in utterances], np.float64), np.fromiter(durations, np.float64)
