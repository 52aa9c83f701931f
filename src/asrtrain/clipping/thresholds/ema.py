"""A multiple of the running mean of the norms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, final

import torch
from pydantic import Field

from asrtrain.clipping.interface import State
from asrtrain.clipping.thresholds.learned import Estimator, LearnedConfig
from asrtrain.clipping.thresholds.moments import Moments


class EMAConfig(LearnedConfig):
    """c_t = factor · μ, μ ← decay · μ + (1 - decay) · min(N, c_t): the mean of norms after clipping (OLMo: Groeneveld
    et al., 2024).
    """

    name: Literal["ema"] = "ema"
    factor: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 2.0
    """Multiplies the mean; below one, the threshold would sink for ever."""
    decay: Annotated[float, Field(ge=0, lt=1)] = 0.98
    """How slowly old norms are forgotten."""
    warmup: Annotated[int, Field(ge=1)] = 10
    """Nothing but the ceiling limits a norm until so many norms are known."""

    def estimator(self) -> Estimator:
        return _RunningMean(self)


@final
class _RunningMean(Estimator):
    def __init__(self, config: EMAConfig) -> None:
        self._config, self._moments = config, Moments(config.decay)

    def threshold(self, norm: torch.Tensor) -> torch.Tensor:
        mean, _, seen = self._moments.of(norm)
        return torch.where(seen < self._config.warmup, torch.inf, self._config.factor * mean)

    def learn(self, norm: torch.Tensor, clipped: torch.Tensor, sound: torch.Tensor) -> None:
        self._moments.append(clipped, sound)

    def estimates(self) -> Mapping[str, torch.Tensor]:
        return self._moments.estimates()

    def state_dict(self) -> State:
        return self._moments.state_dict()

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        self._moments.load_state_dict(state)
