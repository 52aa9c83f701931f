"""The run log: metrics.jsonl and metrics.csv are the source of truth, log.txt is for reading, TensorBoard for looking.

The first line of metrics.jsonl, of kind "parameters", names the parameters; the shares in the lines of kind "step" are
in that order. The table has a column for every parameter's share, and the estimates as JSON in one column.

Whoever continues from a checkpoint cuts the files back to what they were when it was saved, so that no step is doubled
and none is lost.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Protocol, final

from asrtrain.errors import AsrtrainError, CheckpointError
from asrtrain.files.json_text import read_record
from asrtrain.files.reading import LARGEST_SETTINGS, lines_of
from asrtrain.files.sealed import unseal_line
from asrtrain.files.writing import cut_file, open_to_append
from asrtrain.terminal import readable, say
from asrtrain.training.board import Board
from asrtrain.training.durable import reporting_failure
from asrtrain.training.lines import Lines
from asrtrain.training.records import EpochRecord, StepRecord

METRICS, TABLE, READABLE, BOARD = "metrics.jsonl", "metrics.csv", "log.txt", "tensorboard"
_FILES = (METRICS, TABLE, READABLE)


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
    parameters: Sequence[str] = ()
    try:
        for line in lines_of(path, LARGEST_SETTINGS, CheckpointError):
            values = unseal_line(line)
            kind = values.pop("kind")
            if kind == "step":
                shares = values.pop("shares")
                named = dict(zip(parameters, shares, strict=True)) if shares else {}
                yield read_record(StepRecord, {**values, "shares": named})
            elif kind == "parameters":
                parameters = values["names"]
            elif kind != "epoch":
                raise ValueError(f"a line of kind {kind!r}")
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path} is damaged, or of another version of asrtrain: {error}") from error


class Writable(Protocol):
    """A log."""

    def write_down(self, text: str) -> None:
        """Take a line for people."""


@contextmanager
def failure_written_down(log: Writable) -> Iterator[None]:
    """Let the log say what has ended the run, where nobody may be at the terminal."""
    try:
        yield
    except Exception as error:
        with suppress(OSError, AsrtrainError):  # the log may be what has failed
            log.write_down(str(error) or type(error).__name__)
        raise


@final
class RunLog:
    """The log files of a run, open for appending after ``step``; ``parameters`` are the names of the model's."""

    def __init__(self, run: Path, step: int, parameters: Sequence[str]) -> None:
        self._run, self._lines = run, Lines(parameters)
        self._board = Board(run / BOARD, step)
        with reporting_failure(run):
            self._files = {name: open_to_append(run / name) for name in _FILES}
        if not (run / METRICS).stat().st_size:
            self._lines.begin_lines()
        if not (run / TABLE).stat().st_size:
            self._lines.begin_table()
        self._write()

    def write_steps(self, records: Sequence[StepRecord]) -> None:
        """Write steps, and draw them."""
        for record in records:
            self._lines.add_step(record)
        self._write()
        self._board.draw_steps(records)

    def write_epoch(self, record: EpochRecord) -> None:
        """Write and draw an epoch."""
        self._lines.add_epoch(record)
        self._write()
        self._board.draw_epoch(record)

    def say(self, text: str) -> None:
        """A line for people: in log.txt, and on the terminal above the bar."""
        self.write_down(text)
        say(text)

    def write_down(self, text: str) -> None:
        """A line for people in log.txt alone: it is or will be on the terminal anyway."""
        self._append(READABLE, f"{datetime.now():%Y-%m-%d %H:%M:%S}  {readable(text)}\n")

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
        self._board.close()

    def _write(self) -> None:
        for name, text in zip((METRICS, TABLE), self._lines.taken(), strict=True):
            self._append(name, text)

    def _append(self, name: str, text: str) -> None:
        with reporting_failure(self._run / name, len(text)):
            self._files[name].write(text.encode())


def _cut(path: Path, size: int) -> None:
    present = path.stat().st_size if path.exists() else 0
    if present < size:
        raise CheckpointError(f"{path} is shorter than when the checkpoint was saved: put it back, or begin a new run")
    if present > size:
        with reporting_failure(path):
            cut_file(path, size)
