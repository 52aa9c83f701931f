"""What the steps amount to: an epoch's figures, and a run's clipping in words."""

from __future__ import annotations

import math
from collections import Counter
from statistics import median
from typing import final

from asrtrain.training.parameter_words import in_words
from asrtrain.training.records import StepRecord

ENOUGH = 20
"""Steps from which on a share of them is told: of fewer, each is more than five percent, and none is typical."""


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

    def epoch_clipping(self) -> str:
        """The epoch's clipping: ``clipped 12.5 %``, or of few steps ``clipped 2 of 3 steps``."""
        share, steps = _share(self.epoch_clipped, self.epoch_steps), _steps(self.epoch_steps)
        return f"clipped {share}" if self.epoch_steps >= ENOUGH else f"clipped {share} of {steps}"

    @property
    def clipped_share(self) -> float:
        """The share of the epoch's steps whose gradient was clipped."""
        return self.epoch_clipped / max(1, self.epoch_steps)

    def sentence(self) -> str:
        """The whole run's clipping.

        "clipped 12.4 % of 3,120 steps, median coefficient 0.71, layer 2 forwards hidden-to-hidden holds 63 % of the
        squared norm", or "never clipped in 3,120 steps, largest norm 4.2, …"; of few steps, "clipped 2 of 3 steps, …".
        """
        clipped = len(self._coefficients)
        if clipped:
            told = f"{_share(clipped, self.steps)} of {_steps(self.steps)}"
            text = f"clipped {told}, median coefficient {median(self._coefficients):.2f}"
        else:
            text = f"never clipped in {_steps(self.steps)}, largest norm {self._largest_norm:.3g}"
        for parameter, share in self._shares.most_common(1):
            part = share / sum(self._shares.values())
            text += f", {in_words(parameter)} holds {100 * part:.0f} % of the squared norm"
        if self._limited:
            taken = self.steps - self.skipped
            text += f"; limited {_share(self._limited, taken)} of the {'' if taken >= ENOUGH else f'{taken} '}updates"
        if self.skipped:
            text += f"; {_steps(self.skipped)} {'was' if self.skipped == 1 else 'were'} skipped"
        return text


def _share(count: int, steps: int) -> str:
    """In percent, where there are steps enough for that; else how many."""
    return f"{100 * count / steps:.1f} %" if steps >= ENOUGH else f"{count}"


def _steps(number: int) -> str:
    return f"{number:,} step{'' if number == 1 else 's'}"
