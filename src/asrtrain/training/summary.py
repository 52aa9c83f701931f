"""What the steps amount to: an epoch's figures, and a run's clipping in words."""

from __future__ import annotations

import math
from statistics import median
from typing import final

from asrtrain.training.records import StepRecord


@final
class Summary:
    """Adds up step records; made again from the run log after a restart."""

    def __init__(self) -> None:
        self.steps = 0
        self.skipped = 0
        self._coefficients: list[float] = []
        self._start_epoch(0)

    def _start_epoch(self, epoch: int) -> None:
        self._epoch = epoch
        self.epoch_steps = self.epoch_clipped = self.epoch_skipped = 0
        self._loss_sum, self._counted = 0.0, 0

    def add(self, record: StepRecord) -> None:
        """Take in the next step; the first of an epoch begins that epoch's figures."""
        if record.epoch != self._epoch:
            self._start_epoch(record.epoch)
        self.steps += 1
        self.epoch_steps += 1
        self.skipped += not record.stepped
        self.epoch_skipped += not record.stepped
        if record.clipped:
            self.epoch_clipped += 1
            self._coefficients.append(1.0 if record.coefficient is None else record.coefficient)
        if record.loss is not None:
            self._loss_sum += record.loss * record.counted
            self._counted += record.counted

    @property
    def epoch_loss(self) -> float:
        """The mean loss of the epoch's counted utterances, each as the model was when it came."""
        return self._loss_sum / self._counted if self._counted else math.nan

    @property
    def clipped_share(self) -> float:
        """The share of the epoch's steps whose gradient was clipped."""
        return self.epoch_clipped / max(1, self.epoch_steps)

    def sentence(self) -> str:
        """The whole run's clipping: "clipped 12.4 % of 3,120 steps, median coefficient 0.71"."""
        clipped = len(self._coefficients)
        text = f"clipped {100 * clipped / max(1, self.steps):.1f} % of {self.steps:,} steps"
        if clipped:
            text += f", median coefficient {median(self._coefficients):.2f}"
        return text + (f"; {self.skipped:,} steps were skipped" if self.skipped else "")
