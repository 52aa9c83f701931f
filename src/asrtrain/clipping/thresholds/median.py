"""A multiple of the median norm, found anew now and then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, final

import torch
from pydantic import Field

from asrtrain.clipping.interface import State
from asrtrain.clipping.parts.looking import certainly
from asrtrain.clipping.thresholds.growing import grown
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
    window: Annotated[int, Field(gt=1, le=1_000_000)] = 100
    """How many norms the median is of, and for how many steps it holds."""

    def estimator(self) -> Estimator:
        return _Median(self)


@final
class _Median(Estimator):
    def __init__(self, config: MedianConfig) -> None:
        self._config, self._ring = config, Ring(config.window)
        self._threshold: torch.Tensor | None = None

    def threshold(self, norm: torch.Tensor) -> torch.Tensor:
        known = grown(self._threshold, norm)
        self._threshold = torch.where(known > 0, known, torch.inf)  # a norm that is new has no threshold yet
        return self._threshold

    def learn(self, norm: torch.Tensor, clipped: torch.Tensor, sound: torch.Tensor) -> None:
        self._ring.append(norm, sound)
        seen, window = self._ring.seen, self._config.window
        early = (seen < window) & torch.stack([seen == step for step in _EARLY]).any(dim=0)
        due = sound & (early | (seen % window == 0))
        if certainly(~due.any()):
            return
        median = self._ring.quantile(0.5, norm)
        found = torch.where(early, 2.0, 1.0) * self._config.factor * median
        self._threshold = torch.where(due, found, self.threshold(norm))

    def estimates(self) -> Mapping[str, torch.Tensor]:
        return {} if self._threshold is None else {"threshold": self._threshold, **self._ring.estimates()}

    def state_dict(self) -> State:
        return {} if self._threshold is None else {**self._ring.state_dict(), "threshold": self._threshold.clone()}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        self._ring.load_state_dict(state)
        self._threshold = state["threshold"].clone() if state else None
