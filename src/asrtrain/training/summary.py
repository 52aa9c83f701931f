"""What the steps amount to: an epoch's figures, and a run's clipping in words."""

from __future__ import annotations

import math
from collections import Counter
from statistics import median
from typing import final

from asrtrain.training.parameter_words import in_words
from asrtrain.training.records import StepRecord


@final
class Summary:
    """Adds up step records; made again from the run log after a restart."""

    def __init__(self) -> None:
        self.steps = 0
        self.skipped = 0
        self._coefficients: list[float] = []
        self._limited = 0
        self._largest_norm = 0.0
        self._shares: Counter[str] = Counter()
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
        self._limited += record.update_clipped
        self._largest_norm = max(self._largest_norm, record.norm_before or 0.0)
        self._shares.update(record.shares)

    @property
    def epoch_loss(self) -> float:
        """The mean loss of the epoch's counted utterances, each as the model was when it came."""
        return self._loss_sum / self._counted if self._counted else math.nan

    @property
    def clipped_share(self) -> float:
        """The share of the epoch's steps whose gradient was clipped."""
        return self.epoch_clipped / max(1, self.epoch_steps)

    def sentence(self) -> str:
        """The whole run's clipping.

        "clipped 12.4 % of 3,120 steps, median coefficient 0.71, layer 2 forwards hidden-to-hidden holds 63 % of the
        squared norm", or "never clipped in 3,120 steps, largest norm 4.2, …".
        """
        clipped = len(self._coefficients)
        if clipped:
            share = 100 * clipped / self.steps
            text = f"clipped {share:.1f} % of {_steps(self.steps)}, median coefficient {median(self._coefficients):.2f}"
        else:
            text = f"never clipped in {_steps(self.steps)}, largest norm {self._largest_norm:.3g}"
        for parameter, share in self._shares.most_common(1):
            part = share / sum(self._shares.values())
            text += f", {in_words(parameter)} holds {100 * part:.0f} % of the squared norm"
        if self._limited:
            text += f"; limited {100 * self._limited / (self.steps - self.skipped):.1f} % of the updates"
        if self.skipped:
            text += f"; {_steps(self.skipped)} {'was' if self.skipped == 1 else 'were'} skipped"
        return text


def _steps(number: int) -> str:
    return f"{number:,} step{'' if number == 1 else 's'}"
