"""What the steps of a run suggest to change about its clipping."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import final

import torch

from asrtrain.training.records import StepRecord

_DIVIDING = (torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop)
"""Optimisers that divide by the size of the gradients themselves: a gradient twice as long makes the same step."""
_NORMS = frozenset({"norm", "fixed"})
"""The rules that limit the norm of all gradients by a number of the user's."""
_ENOUGH_STEPS = 200
_ALWAYS = 0.9


@final
class Advice:
    """Notices where a fixed norm clips nearly every step of an optimiser that divides by the gradients' size itself.

    Then every gradient has the same length, whatever the threshold. ``rules`` are the names of the clipping rules.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, rules: Collection[str]) -> None:
        self._optimizer = type(optimizer).__name__
        self._applies = isinstance(optimizer, _DIVIDING) and not _NORMS.isdisjoint(rules)
        self._steps = self._shortened = 0
        self._threshold: float | None = None
        self._told = False

    def add(self, record: StepRecord) -> None:
        """Take in the next step. A threshold that moves is no fixed one, and nothing is said about it."""
        if record.threshold is None or not record.stepped:
            return
        self._applies &= self._threshold in (None, record.threshold)
        self._threshold = record.threshold
        self._steps += 1
        if record.clipped and record.norm_after is not None:
            self._shortened += math.isclose(record.norm_after, record.threshold, rel_tol=1e-3)

    def summary(self) -> str:
        """For the closing line; empty where there is nothing to say."""
        due = self._applies and self._steps >= _ENOUGH_STEPS and self._shortened > _ALWAYS * self._steps
        return f"acts as normalisation under {self._optimizer}" if due else ""

    def news(self) -> str:
        """A line, the first time that there is something to say; else empty."""
        if self._told or not self.summary():
            return ""
        self._told = True
        return (
            f"note: the norm was clipped to {self._threshold:g} in {100 * self._shortened / self._steps:.0f} % of "
            f"{self._steps:,} steps, which {self.summary()}: the threshold hardly matters; raise it, or use sgd"
        )
