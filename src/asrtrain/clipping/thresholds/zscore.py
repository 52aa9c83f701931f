"""A norm is too large where it lies too many standard deviations above the mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, final

import torch
from pydantic import Field

from asrtrain.clipping.interface import State
from asrtrain.clipping.thresholds.interface import Positive
from asrtrain.clipping.thresholds.learned import Estimator, LearnedConfig
from asrtrain.clipping.thresholds.moments import Moments


class ZScoreConfig(LearnedConfig):
    """c_t = μ + σ z*² / z where z = (N - μ) / σ exceeds z*, else infinite (ZClip: Kumar et al., 2025).

    μ and σ are running moments of the norms after clipping. The larger the spike, the closer it is brought to μ. σ is
    at least ``tolerance`` · μ, lest norms that hardly vary have outliers.
    """

    name: Literal["zscore"] = "zscore"
    z: Positive = 2.5
    """z*, the largest score that is left alone."""
    decay: Annotated[float, Field(ge=0, lt=1)] = 0.97
    """How slowly old norms are forgotten."""
    warmup: Annotated[int, Field(ge=2)] = 25
    """Nothing but the ceiling limits a norm until so many norms are known."""
    tolerance: Positive = 0.01
    """The smallest standard deviation, in means."""

    def estimator(self) -> Estimator:
        return _ZScore(self)


@final
class _ZScore(Estimator):
    def __init__(self, config: ZScoreConfig) -> None:
        self._config, self._moments = config, Moments(config.decay)

    def threshold(self, norm: torch.Tensor) -> torch.Tensor:
        mean, variance, seen = self._moments.of(norm)
        deviation = torch.maximum(variance.sqrt(), self._config.tolerance * mean)
        score = (norm - mean) / deviation
        outlier = (score > self._config.z) & (seen >= self._config.warmup)
        return torch.where(outlier, mean + deviation * self._config.z**2 / score, torch.inf)

    def learn(self, norm: torch.Tensor, clipped: torch.Tensor, sound: torch.Tensor) -> None:
        self._moments.append(clipped, sound)

    def estimates(self) -> Mapping[str, torch.Tensor]:
        return self._moments.estimates()

    def state_dict(self) -> State:
        return self._moments.state_dict()

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        self._moments.load_state_dict(state)
