"""A running mean and variance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch

from asrtrain.clipping.interface import State
from asrtrain.clipping.thresholds.growing import grown


@final
class Moments:
    """Exponentially weighted mean and variance, each () or (K,) float64 (West, 1979).

    The t-th value weighs max(1 - decay, 1 / t): they start as plain mean and population variance, without bias.
    """

    def __init__(self, decay: float) -> None:
        self._decay = decay
        self._state: torch.Tensor | None = None

    def append(self, value: torch.Tensor, sound: torch.Tensor) -> None:
        """Take in the values that are sound."""
        mean, variance, seen = self.of(value)
        more = seen + 1
        weight = (1 / more).clamp(min=1 - self._decay)
        distance = value - mean
        spread = (1 - weight) * (variance + weight * distance**2)
        new = torch.stack([mean + weight * distance, spread, more], dim=-1)
        self._state = torch.where(sound[..., None], new, torch.stack([mean, variance, seen], dim=-1))

    def of(self, value: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Mean, variance and number of the values so far, each in the shape of ``value``."""
        self._state = grown(self._state, value, 3)
        return self._state.unbind(-1)

    def estimates(self) -> Mapping[str, torch.Tensor]:
        """Mean, standard deviation and number; nothing before the first value."""
        if self._state is None:
            return {}
        mean, variance, seen = self._state.unbind(-1)
        return {"mean": mean, "std": variance.sqrt(), "seen": seen}

    def state_dict(self) -> State:
        """Mean, variance and number in one tensor; nothing before the first value."""
        return {} if self._state is None else {"moments": self._state.clone()}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Take them back."""
        self._state = state["moments"].clone() if state else None
