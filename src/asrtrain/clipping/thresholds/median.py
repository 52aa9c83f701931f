"""A multiple of the median norm, found anew now and then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, final

import torch
from pydantic import Field

from asrtrain.clipping.interface import State
from asrtrain.clipping.thresholds.interface import Positive
from asrtrain.clipping.thresholds.learned import Estimator, LearnedConfig
from asrtrain.clipping.thresholds.ring import Ring

_EARLY = (10, 20, 40)
"""The first thresholds are found after so many steps, and doubled: they rest on few norms (icefall)."""


class MedianConfig(LearnedConfig):
    """c = factor · median of the last norms, found anew once a window (icefall's ScaledAdam: Povey, 2022).

    The first three come early, after 10, 20 and 40 steps, and are doubled. The norms are those of the gradients
    themselves; ScaledAdam weighs them by the size of the parameters.
    """

    name: Literal["median"] = "median"
    factor: Positive = 2.0
    """Multiplies the median."""
    window: Annotated[int, Field(gt=1)] = 100
    """How many norms the median is of, and for how many steps it holds."""

    def estimator(self) -> Estimator:
        return _Median(self)


@final
class _Median(Estimator):
    def __init__(self, config: MedianConfig) -> None:
        self._config, self._ring = config, Ring(config.window)
        self._threshold = torch.tensor(float("inf"), dtype=torch.float64)

    def threshold(self, norm: torch.Tensor) -> torch.Tensor:
        self._threshold = self._threshold.to(norm.device)
        return self._threshold

    def learn(self, norm: torch.Tensor, clipped: torch.Tensor) -> None:
        self._ring.append(norm)
        seen, window = self._ring.seen, self._config.window
        if seen % window == 0 or (seen in _EARLY and seen < window):
            doubled = 2.0 if seen < window else 1.0
            self._threshold = doubled * self._config.factor * torch.quantile(self._ring.values(), 0.5)

    def state_dict(self) -> State:
        return {**self._ring.state_dict(), "threshold": self._threshold.clone()}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        self._ring.load_state_dict(state)
        self._threshold = state["threshold"].clone()
