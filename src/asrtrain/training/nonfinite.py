"""The declared answer to losses and gradients that are not finite: abort, skip, drop or roll back, within a budget."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import final

from asrtrain.errors import CheckpointError, TrainingError
from asrtrain.files.json_text import read_record
from asrtrain.files.reading import LARGEST_LIST, read_text
from asrtrain.files.sealed import seal_line, unseal_line
from asrtrain.files.writing import open_to_append
from asrtrain.training.config import NonFiniteConfig, Reaction
from asrtrain.training.durable import reporting_failure, write_file
from asrtrain.training.report import Fault, FaultKind

FAULTS = "nonfinite.jsonl"
_NAMED_UTTERANCES = 8
_NAMED_STEPS = 10


@dataclass(slots=True)
class FaultCounts:
    """Faulty steps in a row, in this epoch and in all; utterances dropped, and returns to old weights, in all."""

    in_a_row: int = 0
    in_epoch: int = 0
    in_all: int = 0
    dropped: int = 0
    rollbacks: int = 0


@dataclass(frozen=True, slots=True)
class FaultRecord:
    """One faulty step (``step`` and ``epoch`` from 1), what was done, and the utterances at fault with their losses."""

    step: int
    epoch: int
    reason: FaultKind
    reaction: Reaction
    utterances: tuple[str, ...]
    losses: tuple[float | str, ...]

    def __str__(self) -> str:
        return f"step {self.step} ({_named(self.utterances)})"


@final
class FaultLog:
    """The file nonfinite.jsonl of a run folder, taken up after ``step``: one line a faulty step.

    Only the process that ``writes`` changes the file.
    """

    def __init__(self, run: Path, step: int, *, writes: bool = True) -> None:
        self._path, self._writes = run / FAULTS, writes
        self.records = [record for record in _read(self._path) if record.step <= step]
        if writes and self._path.exists():
            write_file(self._path, "".join(map(_line, self.records)).encode())

    def add(self, record: FaultRecord) -> None:
        """Write a line, on the disk when this returns."""
        self.records.append(record)
        if not self._writes:
            return
        with reporting_failure(self._path), open_to_append(self._path) as file:
            file.write(_line(record).encode())
            file.flush()
            os.fsync(file.fileno())


@final
class NonFinitePolicy:
    """Counts faults, writes them down, and says what is to be done."""

    def __init__(self, config: NonFiniteConfig, steps_per_epoch: int, log: FaultLog) -> None:
        self._config, self._log = config, log
        self._epoch_budget = max(1.0, config.per_epoch * steps_per_epoch)

    def answer(self, fault: Fault, dropped: Sequence[str], counts: FaultCounts, step: int, epoch: int) -> FaultRecord:
        """Count a faulty step. Raises TrainingError if it, or the budget that it spends, ends the run."""
        reaction: Reaction = getattr(self._config, fault.kind)
        if reaction == "drop_utterance" and not dropped:
            reaction = "skip"  # nobody is to blame, or nobody would be left
        losses = tuple(loss if math.isfinite(loss) else str(loss) for loss in fault.losses)
        record = FaultRecord(step, epoch, fault.kind, reaction, fault.suspects, losses)
        self._log.add(record)
        counts.in_a_row += 1
        counts.in_epoch += 1
        counts.in_all += 1
        counts.dropped += len(dropped)
        counts.rollbacks += reaction == "rollback"
        self._end_the_run_if_due(record, counts)
        return record

    def _end_the_run_if_due(self, record: FaultRecord, counts: FaultCounts) -> None:
        key = f"training.on_nonfinite.{record.reason}"
        if record.reaction == "abort":
            raise TrainingError(
                f"{describe(record)}. Lower optimizer.lr, clip, look at these recordings, or set {key}: skip or "
                "drop_utterance"
            )
        if counts.in_a_row >= self._config.consecutive:
            raise self._spent(record, f"{counts.in_a_row} steps in a row", "consecutive", counts.in_a_row)
        if counts.in_epoch > self._epoch_budget:
            raise self._spent(record, f"{counts.in_epoch} steps of this epoch", "per_epoch", counts.in_epoch)

    def _spent(self, record: FaultRecord, many: str, key: str, count: int) -> TrainingError:
        spenders = self._log.records[-count:]
        more = len(spenders) - _NAMED_STEPS
        steps = "; ".join(map(str, spenders[-_NAMED_STEPS:])) + (f"; and {more} before" if more > 0 else "")
        return TrainingError(
            f"{describe(record)}. {many} were faulty, more than training.on_nonfinite.{key} lets pass: {steps}. "
            f"{FAULTS} in the run folder tells of all; lower optimizer.lr, clip, or look at these recordings"
        )


def describe(record: FaultRecord) -> str:
    """One fault in words."""
    where = f"step {record.step} (epoch {record.epoch})"
    return f"{where}: the {record.reason} is not finite; utterances {_named(record.utterances)}"


def _named(utterances: Sequence[str]) -> str:
    more = len(utterances) - _NAMED_UTTERANCES
    return ", ".join(utterances[:_NAMED_UTTERANCES]) + (f" and {more} more" if more > 0 else "")


def _line(record: FaultRecord) -> str:
    return seal_line(json.dumps(asdict(record)) + "\n")


def _read(path: Path) -> list[FaultRecord]:
    """The faults that were written; a kill may have left half of the last line.

    Raises CheckpointError, which names the line, if the file is damaged.
    """
    if not path.exists():
        return []
    lines = read_text(path, LARGEST_LIST, CheckpointError).splitlines(keepends=True)
    return [_record(line, f"{path}:{n}") for n, line in enumerate(lines, start=1) if line.endswith("\n")]


def _record(line: str, where: str) -> FaultRecord:
    try:
        values = unseal_line(line)
        lists = {name: tuple(values[name]) for name in ("utterances", "losses")}
        return read_record(FaultRecord, {**values, **lists})
    except (ValueError, LookupError, TypeError) as error:
        raise CheckpointError(
            f"{where}: is damaged ({error}); delete the file, and its faults are forgotten"
        ) from error
