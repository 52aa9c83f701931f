"""The declared answer to losses and gradients that are not finite: abort, or skip within a budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from asrtrain.errors import TrainingError
from asrtrain.training.config import NonFiniteConfig
from asrtrain.training.step import Reason, StepReport

_NAMED_UTTERANCES = 8


@dataclass(slots=True)
class SkipCounts:
    """Steps that were skipped for a fault: in a row, in this epoch, and in all."""

    in_a_row: int = 0
    in_epoch: int = 0
    in_all: int = 0


@final
class NonFinitePolicy:
    """Counts faults and ends the run where the configuration says so."""

    def __init__(self, config: NonFiniteConfig, steps_per_epoch: int) -> None:
        self._config = config
        self._epoch_budget = max(1.0, config.per_epoch * steps_per_epoch)

    @property
    def may_skip(self) -> bool:
        """Whether a fault may be survived: then the host must know of it before the optimiser steps."""
        return "skip" in (self._config.loss, self._config.gradient)

    def answer(self, reason: Reason, report: StepReport, counts: SkipCounts, where: str) -> None:
        """Count one step's outcome. Raises TrainingError if it, or the budget that it spends, ends the run."""
        if reason not in ("loss", "gradient"):
            counts.in_a_row = counts.in_a_row if reason else 0
            return
        key = f"training.on_nonfinite.{reason}"
        story = f"{where}: the {reason} is not finite; {_named(report.suspects())}"
        if getattr(self._config, reason) == "abort":
            raise TrainingError(f"{story}. Lower optimizer.lr, clip, look at these recordings, or set {key}: skip")
        counts.in_a_row += 1
        counts.in_epoch += 1
        counts.in_all += 1
        if counts.in_a_row >= self._config.consecutive:
            raise TrainingError(f"{story}. {counts.in_a_row} steps in a row are skipped: the weights are beyond repair")
        if counts.in_epoch > self._epoch_budget:
            raise TrainingError(f"{story}. {counts.in_epoch} steps of this epoch are skipped, more than allowed")


def _named(utterances: tuple[str, ...]) -> str:
    more = len(utterances) - _NAMED_UTTERANCES
    return "utterances " + ", ".join(utterances[:_NAMED_UTTERANCES]) + (f" and {more} more" if more > 0 else "")
