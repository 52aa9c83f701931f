"""A threshold drawn anew at every step."""

from __future__ import annotations

from functools import partial
from typing import Literal

import numpy as np
from pydantic import model_validator

from asrtrain.clipping.thresholds.interface import Positive, Threshold, ThresholdConfig
from asrtrain.clipping.thresholds.stepped import Stepped


class RandomConfig(ThresholdConfig):
    """A threshold drawn anew at every step; the draw depends on seed and step alone, so all ranks and resumes agree."""

    name: Literal["random"] = "random"
    low: Positive
    """The smallest threshold (for lognormal: one standard deviation below the median)."""
    high: Positive
    """The largest threshold (for lognormal: one standard deviation above the median)."""
    distribution: Literal["uniform", "loguniform", "lognormal"] = "loguniform"
    """How it is drawn."""

    @model_validator(mode="after")
    def _ordered(self) -> RandomConfig:
        if self.low > self.high:
            raise ValueError(f"low ({self.low}) is above high ({self.high}); swap them")
        return self

    def build(self, seed: int) -> Threshold:
        return Stepped(partial(self._at, seed))

    def _at(self, seed: int, step: int) -> float:
        # A counter-based generator: the number of a step is found without drawing those before it.
        draw = np.random.Generator(np.random.Philox(key=np.array([seed, step], dtype=np.uint64)))
        if self.distribution == "uniform":
            return float(draw.uniform(self.low, self.high))
        low, high = np.log(self.low), np.log(self.high)
        if self.distribution == "loguniform":
            return float(np.exp(draw.uniform(low, high)))
        return float(np.exp(draw.normal((low + high) / 2, (high - low) / 2)))
