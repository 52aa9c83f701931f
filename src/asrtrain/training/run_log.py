"""The run log: metrics.jsonl and metrics.csv are the source of truth, log.txt is for reading, TensorBoard for looking.

Whoever continues from a checkpoint cuts the files back to what they were when it was saved, so that no step is doubled
and none is lost.
"""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from tqdm import tqdm

from asrtrain.errors import CheckpointError
from asrtrain.training.durable import reporting_failure
from asrtrain.training.records import EpochRecord, StepRecord

if TYPE_CHECKING:
    from torch.utils.tensorboard.writer import SummaryWriter

METRICS, TABLE, READABLE, BOARD = "metrics.jsonl", "metrics.csv", "log.txt", "tensorboard"
_FILES = (METRICS, TABLE, READABLE)
COLUMNS = ("kind", *dict.fromkeys(f.name for record in (StepRecord, EpochRecord) for f in fields(record)))
_DRAWN = ("loss", "norm_before", "norm_after", "coefficient", "threshold", "clipped_share", "lr", "loss_scale")
_DRAWN_EPOCH = ("train_loss", "dev_loss", "dev_metric")

Record = StepRecord | EpochRecord


def cut_logs(run: Path, sizes: Mapping[str, int] | None) -> None:
    """Cut the log files back to the sizes that a checkpoint speaks of; to nothing for a new run.

    Raises CheckpointError if one is shorter already.
    """
    for name in _FILES:
        _cut(run / name, 0 if sizes is None else sizes[name])


def read_steps(run: Path) -> Iterator[StepRecord]:
    """The steps that the log holds. Raises CheckpointError if it cannot be read."""
    path = run / METRICS
    if not path.exists():
        return
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                values = json.loads(line)
                kind = values.pop("kind")
                if kind == "step":
                    yield StepRecord(**values)
                elif kind != "epoch":
                    raise ValueError(f"a line of kind {kind!r}")
    except (ValueError, LookupError, TypeError) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from error


@final
class RunLog:
    """The log files of a run, open for appending after ``step``."""

    def __init__(self, run: Path, step: int) -> None:
        self._run = run
        with reporting_failure(run):
            self._board = _board(run / BOARD, step)
            self._files = {name: (run / name).open("a", encoding="utf-8", newline="") for name in _FILES}
        if not (run / TABLE).stat().st_size:
            self._append(TABLE, _row(COLUMNS))

    def write_steps(self, records: Sequence[StepRecord]) -> None:
        """Write steps; the newest is drawn."""
        for record in records:
            self._write("step", record)
        if records:
            self._draw(records[-1], _DRAWN)

    def write_epoch(self, record: EpochRecord) -> None:
        """Write and draw an epoch."""
        self._write("epoch", record)
        self._draw(record, _DRAWN_EPOCH)

    def say(self, text: str) -> None:
        """A line for people: in log.txt, and on the terminal above the bar."""
        self._append(READABLE, f"{datetime.now():%Y-%m-%d %H:%M:%S}  {text}\n")
        tqdm.write(text, file=sys.stderr)

    def sync(self) -> dict[str, int]:
        """Bring everything to the disk; returns the sizes to cut back to."""
        for name, file in self._files.items():
            with reporting_failure(self._run / name):
                file.flush()
                os.fsync(file.fileno())
        return {name: (self._run / name).stat().st_size for name in _FILES}

    def close(self) -> None:
        """Close the files."""
        for name, file in self._files.items():
            with reporting_failure(self._run / name):
                file.close()
        with reporting_failure(self._run / BOARD):
            self._board.close()

    def _write(self, kind: str, record: Record) -> None:
        values: dict[str, Any] = {"kind": kind, **asdict(record)}
        self._append(METRICS, json.dumps(values) + "\n")
        self._append(TABLE, _row([values.get(column) for column in COLUMNS]))

    def _append(self, name: str, text: str) -> None:
        with reporting_failure(self._run / name, len(text)):
            self._files[name].write(text)

    def _draw(self, record: Record, names: Sequence[str]) -> None:
        with reporting_failure(self._run / BOARD):
            for name in names:
                if (value := getattr(record, name)) is not None:
                    self._board.add_scalar(name, value, record.step)


def _row(values: Sequence[object]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()


def _cut(path: Path, size: int) -> None:
    present = path.stat().st_size if path.exists() else 0
    if present < size:
        raise CheckpointError(f"{path} is shorter than when the checkpoint was saved: put it back, or begin a new run")
    if present > size:
        with reporting_failure(path):
            os.truncate(path, size)


def _board(folder: Path, step: int) -> SummaryWriter:
    """TensorBoard's writer, told to hide what an interrupted run drew beyond ``step``; a second to import."""
    from torch.utils.tensorboard.writer import SummaryWriter

    return SummaryWriter(str(folder), purge_step=step + 1)
