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
from asrtrain.data.strings import Strings
from asrtrain.data.table import UtteranceTable
from asrtrain.types import Source, Utterance


@final
@dataclass(slots=True)
class TableBuilder:
    """Collects what is read of a manifest whose audio is told relative to ``folder``."""

    folder: Path
    _file: Path | None = None
    _parts: list[Checked] = field(default_factory=list)

    def add(self, part: Checked) -> None:
        """Add columns."""
        self._file = self._file or part.file
        self._parts.append(part)

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
        return bool(self._parts)

    def finish(self, complaints: list[Complaint]) -> UtteranceTable:
        """The table; utterances whose id was there already are left out and complained of."""
        hashes = np.concatenate([np.zeros(0, np.int64), *(part.hashes for part in self._parts)])
        numbers = (
            np.concatenate([np.zeros(0), *(part.durations for part in self._parts)]),
            np.concatenate([np.zeros(0), *(part.offsets for part in self._parts)]),
            np.concatenate([np.zeros(0, np.int32), *(part.lines for part in self._parts)]),
        )
        columns = [[part.ids, part.audio, part.texts, part.speakers] for part in self._parts]
        self._parts = []
        # Each column's parts are let go when it is joined: there are never two copies of everything.
        ids, audio, texts, speakers = (Strings.joined([part.pop(0) for part in columns]) for _ in range(4))
        table = UtteranceTable(self._file or self.folder, self.folder, ids, audio, texts, speakers, *numbers)
        doubled = _doubled(table, hashes, complaints)
        return table.at(np.delete(np.arange(len(table)), doubled)) if doubled else table

    def _written(self, audio: Path) -> str:
        return audio.relative_to(self.folder).as_posix() if audio.is_relative_to(self.folder) else str(audio)


def _doubled(table: UtteranceTable, hashes: npt.NDArray[np.int64], complaints: list[Complaint]) -> list[int]:
    """The places of ids that were there before; only those whose hashes are equal are looked at."""
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
