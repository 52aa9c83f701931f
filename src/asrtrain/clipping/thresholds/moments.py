"""A running mean and variance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch

from asrtrain.clipping.interface import State


@final
class Moments:
    """Exponentially weighted mean and variance, each () float64 (West, 1979).

    The t-th value weighs max(1 - decay, 1 / t): they start as plain mean and population variance, without bias.
    """

    def __init__(self, decay: float) -> None:
        self._decay = decay
        self.mean = self.variance = torch.tensor(0.0, dtype=torch.float64)
        self.seen = 0

    def append(self, value: torch.Tensor) -> None:
        """Take in a value ()."""
        self.seen += 1
        weight = max(1 - self._decay, 1 / self.seen)
        distance = value - self.mean
        self.mean = self.mean + weight * distance
        self.variance = (1 - weight) * (self.variance + weight * distance**2)

    def state_dict(self) -> State:
        """Mean, variance and the number of values."""
        return {"mean": self.mean.clone(), "variance": self.variance.clone(), "seen": torch.tensor(self.seen)}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Take them back."""
        self.mean, self.variance = state["mean"].clone(), state["variance"].clone()
        self.seen = int(state["seen"])
