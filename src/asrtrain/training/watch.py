"""Which steps are worth an explanation, seen before they are taken."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol, final

import torch
from pydantic import Field, Strict

from asrtrain.config import Config
from asrtrain.training.injection import PlantedFaults
from asrtrain.types import Batch

_REMEMBERED = 100
"""Norms of so many steps make the median."""


class ExplainConfig(Config):
    """When a run explains a step by itself, into the folder explain of the run folder.

    It does so before the step is taken, where the processor decides about that: on the CPU, and wherever on_nonfinite
    asks for more than abort; and where one process trains alone. Nothing is computed for it until it is called for.
    """

    nonfinite: bool = True
    """Explain steps whose loss or gradient is not finite."""
    ratio_to_median: Annotated[float, Field(gt=1)] | None = 50.0
    """Explain steps whose gradient's norm is so many times the median of the last 100; null for none."""
    after: Annotated[int, Field(ge=2)] = 5
    """So many norms must be known before a median is trusted."""
    steps: Annotated[tuple[Annotated[int, Field(gt=0)], ...], Strict(False)] = ()
    """Explain these steps too, whatever they are like."""
    most: Annotated[int, Field(ge=0)] = 3
    """A run writes so many explanations by itself, and no more; 0 for none."""


@final
@dataclass(frozen=True, slots=True)
class Trouble:
    """A step that is worth an explanation; the model is as it was before the step, and so is the rest of the world.

    sound is the last batch before it that was not, median the median norm of the steps before, where they are known.
    generators are the states from before the step; planted lets the faults act again that were planted in it.
    """

    step: int
    epoch: int
    cause: str
    window: Sequence[Batch]
    sound: Batch | None
    generators: Mapping[str, torch.Tensor]
    median: float | None
    planted: PlantedFaults | None


class Explainer(Protocol):
    """Looks into a step before it is taken, and leaves no trace in the model."""

    def __call__(self, trouble: Trouble) -> str:
        """What is found, in a line for the log."""


@final
class Watch:
    """Remembers the norms of the last steps, and what the last ``sound`` one was made of."""

    def __init__(self, config: ExplainConfig) -> None:
        self._config = config
        self._norms: deque[float] = deque()
        self._sorted: list[float] = []
        self._called = 0
        self.sound: Batch | None = None
        self.usual: float | None = None

    def look(self, step: int, window: Sequence[Batch], norm: float, *, finite_loss: bool) -> str | None:
        """Why this step is worth an explanation; None, as nearly always, if it is not.

        Afterwards ``usual`` is the median norm of the steps before it, unless there were too few.
        """
        self.usual = self._median() if len(self._norms) >= self._config.after else None
        cause = self._cause(finite_loss, norm)
        if math.isfinite(norm):
            self._remember(norm)
        if step in self._config.steps:
            return "it was asked for"
        if cause is None and finite_loss and math.isfinite(norm):
            self.sound = window[-1]
        if cause is None or self._called >= self._config.most:
            return None
        self._called += 1
        return cause

    def _remember(self, norm: float) -> None:
        """Kept in order, so that the median of every step costs next to nothing."""
        self._norms.append(norm)
        insort(self._sorted, norm)
        if len(self._norms) > _REMEMBERED:
            del self._sorted[bisect_left(self._sorted, self._norms.popleft())]

    def _median(self) -> float:
        middle = len(self._sorted) // 2
        return (self._sorted[middle] + self._sorted[-1 - middle]) / 2

    def _cause(self, finite_loss: bool, norm: float) -> str | None:
        if not (finite_loss and math.isfinite(norm)):
            what = "gradient" if finite_loss else "loss"
            return f"the {what} is not finite" if self._config.nonfinite else None
        limit, usual = self._config.ratio_to_median, self.usual
        if limit is None or not usual or norm <= limit * usual:
            return None
        return f"the norm {norm:.3g} is {norm / usual:.3g} times the median of the steps before"
