"""What a process that does not lead tells the outside: nothing."""

from __future__ import annotations

from typing import final

from asrtrain.training.interface import Validation
from asrtrain.training.records import StepBuffer, StepRecord
from asrtrain.training.report import StepReport


@final
class Silence:
    """Takes what a Journal takes and finds the same faults, but writes and shows nothing."""

    def __init__(self) -> None:
        self._buffer = StepBuffer()

    def note(self, step: int, epoch: int, report: StepReport) -> None:
        """Take a step's report."""
        self._buffer.add(step, epoch, report)

    def flush(self) -> list[tuple[StepRecord, StepReport]]:
        """Steps that were taken and prove to be faulty."""
        return [(record, report) for record, report in self._buffer.drain() if record.stepped and record.reason]

    def write_epoch(self, epoch: int, step: int, validation: Validation, *, best_by: str, seconds: float) -> None:
        """Nothing."""

    def say(self, text: str) -> None:
        """Nothing."""

    def write_down(self, text: str) -> None:
        """Nothing."""

    def clipping(self) -> str:
        """Nothing."""
        return ""

    def sync(self) -> dict[str, int]:
        """Nothing."""
        return {}

    def close(self) -> None:
        """Nothing."""
