"""A threshold that moves on a schedule."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from asrtrain.clipping.thresholds.interface import Positive, Threshold, ThresholdConfig
from asrtrain.clipping.thresholds.stepped import Stepped


class ScheduledConfig(ThresholdConfig):
    """A threshold that moves from start to end over so many steps, then stays: linearly, or by a constant factor."""

    name: Literal["scheduled"] = "scheduled"
    start: Positive
    """The threshold of the first step."""
    end: Positive
    """The threshold from step ``steps`` on."""
    steps: Annotated[int, Field(gt=0)]
    """How many optimiser steps the way takes."""
    shape: Literal["linear", "exponential"] = "linear"
    """How it moves."""

    def build(self, seed: int) -> Threshold:
        return Stepped(self._at)

    def _at(self, step: int) -> float:
        way = min(step / self.steps, 1.0)
        if self.shape == "linear":
            return self.start + (self.end - self.start) * way
        return float(self.start * (self.end / self.start) ** way)
