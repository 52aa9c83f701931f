"""One run of a comparison, in the figures that are compared."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

Row = Mapping[str, Any]
"""A line of a run's ``metrics.jsonl``."""

_HISTORY = 100
_RISE = 10.0
_AROUND = 20
_PATIENCE = 100


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one variant with one seed.

    errors and totals run over the utterances of the scored split: errors made in each, and how many were possible
    (words, or one). diverged says why a run counts as lost; empty if it does not. gap is by how much the error rate on
    the scored split exceeds that on the training data. steps_to_target is None where the target was not reached, or
    none was set. scored says which test data and weights the errors are of.
    """

    variant: str
    seed: int
    errors: list[int]
    totals: list[int]
    diverged: str
    gap: float | None
    steps: int
    steps_to_target: int | None
    clipped_share: float
    spikes: int
    spikes_survived: int
    cpu_seconds: float
    scored: str = ""

    @property
    def rate(self) -> float:
        """Errors per word or utterance, 0 to 1 and beyond."""
        return sum(self.errors) / max(1, sum(self.totals))


def divergence(steps: Sequence[Row]) -> str:
    """Why a run that came to its end is lost all the same; empty if it is not.

    It is lost if its last tenth of steps has a larger loss than its first step: it unlearnt what it was born with.
    """
    losses = [row["loss"] for row in steps if row["loss"] is not None]
    if not losses:
        return "no step has a finite loss"
    tail = losses[-max(1, len(losses) // 10) :]
    return f"the loss rose from {losses[0]:.3g} to {fmean(tail):.3g}" if fmean(tail) > losses[0] else ""


def steps_to(target: float, epochs: Sequence[Row]) -> int | None:
    """Steps taken until the development metric was as good as ``target``: at most it for WER, at least for accuracy."""
    for row in epochs:
        value = row["dev_metric"]
        if value is not None and (value <= target if row["metric"] == "wer" else value >= target):
            return int(row["step"])
    return None


def spikes(steps: Sequence[Row]) -> tuple[int, int]:
    """How many spikes of the gradient there were, and how many the run survived.

    A spike is a norm more than ten times the median of the hundred before (twenty at least), or not finite; another
    one within twenty steps belongs to it. It is survived if within a hundred steps the mean loss of twenty of them is
    no more than a tenth above that of the twenty before it.
    """
    norms = [math.inf if row["norm_before"] is None else row["norm_before"] for row in steps]
    found = 0
    survived = 0
    last = -_AROUND
    for at, norm in enumerate(norms):
        known = [n for n in norms[max(0, at - _HISTORY) : at] if math.isfinite(n)]
        if len(known) < _AROUND or norm <= _RISE * median(known) or at - last < _AROUND:
            continue
        last = at
        found += 1
        survived += _recovers(steps, at)
    return found, survived


def _recovers(steps: Sequence[Row], at: int) -> bool:
    before = _mean_loss(steps[max(0, at - _AROUND) : at])
    ends = range(at + 1 + _AROUND, min(len(steps), at + 1 + _PATIENCE) + 1)
    return any(_mean_loss(steps[end - _AROUND : end]) <= 1.1 * before for end in ends)


def _mean_loss(steps: Sequence[Row]) -> float:
    losses = [math.inf if row["loss"] is None else float(row["loss"]) for row in steps]
    return fmean(losses) if losses else math.inf
