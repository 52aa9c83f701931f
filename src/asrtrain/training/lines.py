"""Steps as they stand in the log: lines of JSON, and rows of the table. Numbers are written out once for both."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import fields
from functools import lru_cache
from io import StringIO
from operator import attrgetter
from typing import final

from asrtrain.files.sealed import seal_line
from asrtrain.training.records import EpochRecord, StepRecord

_STEP, _EPOCH = ([f.name for f in fields(record)] for record in (StepRecord, EpochRecord))
_PLAIN = _STEP[: _STEP.index("estimates")]
"""All but the estimates and the shares, which come last."""
_COLUMNS = ("kind", *(name for name in dict.fromkeys((*_STEP, *_EPOCH)) if name != "shares"))
_SHARE = "share."

_LINE = '{"kind": "step", ' + ", ".join(f'"{name}": %s' for name in _PLAIN) + ', "estimates": %s, "shares": [%s]}\n'
_values = attrgetter(*_PLAIN)
_WORDS = [_PLAIN.index(name) for name in ("largest_at", "reason")]
_JSON = {"None": "null", "True": "true", "False": "false"}
_CELL = {"None": ""}


@final
class Lines:
    """Writes records of a model with these ``parameters``; what it has written is fetched by `taken`."""

    def __init__(self, parameters: Sequence[str]) -> None:
        self._parameters = tuple(parameters)
        self._lines: list[str] = []
        self._table = StringIO()
        self._rows = csv.writer(self._table, lineterminator="\n")

    def begin_lines(self) -> None:
        """The first line of metrics.jsonl."""
        self._lines.append(seal_line(json.dumps({"kind": "parameters", "names": self._parameters}) + "\n"))

    def begin_table(self) -> None:
        """The first row of metrics.csv."""
        self._rows.writerow([*_COLUMNS, *(_SHARE + name for name in self._parameters)])

    def add_step(self, record: StepRecord) -> None:
        """A step's line and row."""
        values = _values(record)
        texts = list(map(repr, values))
        shares = [repr(record.shares.get(name, 0.0)) for name in self._parameters] if record.shares else []
        estimates = json.dumps(record.estimates) if record.estimates else ""
        line, row = list(map(_JSON.get, texts, texts)), list(map(_CELL.get, texts, texts))
        for place in _WORDS:
            line[place], row[place] = _quoted(values[place]), values[place] or ""
        self._lines.append(seal_line(_LINE % (*line, estimates or "{}", ", ".join(shares))))
        self._rows.writerow(["step", *row, estimates, *_BLANK, *(shares or [""] * len(self._parameters))])

    def add_epoch(self, record: EpochRecord) -> None:
        """An epoch's line and row."""
        values = {"kind": "epoch", **{name: getattr(record, name) for name in _EPOCH}}
        self._lines.append(seal_line(json.dumps(values) + "\n"))
        self._rows.writerow([*map(values.get, _COLUMNS), *([None] * len(self._parameters))])

    def taken(self) -> tuple[str, str]:
        """The lines and the rows since the last time."""
        written = "".join(self._lines), self._table.getvalue()
        self._lines.clear()
        self._table.seek(0)
        self._table.truncate()
        return written


_BLANK = [""] * (len(_COLUMNS) - _COLUMNS.index("estimates") - 1)
"""The columns of epochs."""


@lru_cache(maxsize=1024)
def _quoted(word: str | None) -> str:
    return json.dumps(word)
