"""Making a table of utterances, part by part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

import numpy as np
import numpy.typing as npt

from asrtrain.data.complaints import Complaint
from asrtrain.data.formats.rows import Checked, hashes_of
from asrtrain.data.strings import Strings, StringsBuilder
from asrtrain.data.table import UtteranceTable
from asrtrain.types import Source, Utterance


@final
@dataclass(slots=True)
class TableBuilder:
    """Collects what is read of a manifest whose audio is told relative to ``folder``."""

    folder: Path
    _file: Path | None = None
    _words: tuple[StringsBuilder, ...] = field(default_factory=lambda: tuple(StringsBuilder() for _ in range(4)))
    _durations: bytearray = field(default_factory=bytearray)
    _offsets: bytearray = field(default_factory=bytearray)
    _lines: bytearray = field(default_factory=bytearray)
    _hashes: bytearray = field(default_factory=bytearray)

    def add(self, part: Checked) -> None:
        """Add columns."""
        self._file = self._file or part.file
        for column, words in zip(self._words, (part.ids, part.audio, part.texts, part.speakers), strict=True):
            column.add(words)
        self._durations += part.durations.data
        self._offsets += part.offsets.data
        self._lines += part.lines.data
        self._hashes += part.hashes.data

    def add_each(self, utterances: Sequence[Utterance]) -> None:
        """Add records, declared in lines of one file or else in none."""
        if not utterances:
            return
        source = utterances[0].source
        words = [[getattr(u, name) for u in utterances] for name in ("id", "text", "speaker")]
        ids, texts, speakers = map(Strings.of, words)
        unknown = float("nan")
        self.add(
            Checked(
                source.file if source else self.folder,
                ids,
                Strings.of([self._written(u.audio) for u in utterances]),
                texts,
                speakers,
                np.array([unknown if u.duration is None else u.duration for u in utterances]),
                np.array([u.offset for u in utterances]),
                np.array([(u.source and u.source.line) or 0 for u in utterances], np.int32),
                hashes_of(words[0]),
            )
        )

    def __bool__(self) -> bool:
        return bool(self._lines)

    def finish(self, complaints: list[Complaint]) -> UtteranceTable:
        """The table; utterances whose id was there already are left out and complained of."""
        ids, audio, texts, speakers = (column.finish() for column in self._words)
        table = UtteranceTable(
            self._file or self.folder,
            self.folder,
            ids,
            audio,
            texts,
            speakers,
            np.frombuffer(self._durations, np.float64),
            np.frombuffer(self._offsets, np.float64),
            np.frombuffer(self._lines, np.int32),
        )
        hashes = np.frombuffer(self._hashes, np.int64)
        doubled = _doubled(table, hashes, complaints)
        return table.at(np.delete(np.arange(len(table)), doubled)) if doubled else table

    def _written(self, audio: Path) -> str:
        return audio.relative_to(self.folder).as_posix() if audio.is_relative_to(self.folder) else str(audio)


def _doubled(table: UtteranceTable, hashes: npt.NDArray[np.int64], complaints: list[Complaint]) -> list[int]:
    """The places of ids that were there before; only those whose hashes are equal are looked at."""
    in_order = np.sort(hashes)
    if not (in_order[1:] == in_order[:-1]).any():
        return []
    order = np.argsort(hashes, kind="stable")
    equal = hashes[order[1:]] == hashes[order[:-1]]
    suspects = np.unique(np.concatenate([order[1:][equal], order[:-1][equal]]))
    first: dict[str, Source | None] = {}
    doubled = []
    for place in suspects.tolist():
        utterance = table[place]
        if utterance.id in first:
            message = f"the id {utterance.id!r} is that of {first[utterance.id]} already"
            complaints.append(Complaint("duplicate_id", message, utterance.source))
            doubled.append(place)
        else:
            first[utterance.id] = utterance.source
    return doubled
