"""Thresholds that learn from the norms of earlier steps: what they share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, final

import torch
from pydantic import Field, model_validator

from asrtrain.clipping.interface import State
from asrtrain.clipping.thresholds.interface import Positive, Threshold, ThresholdConfig


class Estimator(ABC):
    """What is known of the norms so far; everything is shaped like the norms, () or (K,)."""

    @abstractmethod
    def threshold(self, norm: torch.Tensor) -> torch.Tensor:
        """The thresholds for a step of these norms; infinite as long as too little is known."""

    @abstractmethod
    def learn(self, norm: torch.Tensor, clipped: torch.Tensor, sound: torch.Tensor) -> None:
        """Take in norms, as they were and as they are after clipping; only those that are ``sound``."""

    @abstractmethod
    def estimates(self) -> Mapping[str, torch.Tensor]:
        """What is known, by names that people know it by."""

    @abstractmethod
    def state_dict(self) -> State:
        """What must survive a restart."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Take it back, bit for bit. Raises KeyError if it is another estimator's."""


class LearnedConfig(ThresholdConfig, ABC):
    """The settings that every threshold has that is learned."""

    floor: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """The threshold is never below this."""
    ceiling: Positive | None = None
    """The threshold is never above this, not even before enough is known; null sets no limit."""

    @model_validator(mode="after")
    def _floor_is_below_ceiling(self) -> LearnedConfig:
        if self.ceiling is not None and self.floor > self.ceiling:
            raise ValueError(f"floor ({self.floor}) is above ceiling ({self.ceiling}); swap them")
        return self

    def build(self, seed: int) -> Threshold:
        return _Learned(self.estimator(), self.floor, self.ceiling)

    @abstractmethod
    def estimator(self) -> Estimator:
        """Build what learns."""


@final
class _Learned(Threshold):
    """An estimator's threshold, between floor and ceiling.

    A norm of zero is not learned: a parameter that had no gradient for a while must move when it has one again.
    """

    def __init__(self, estimator: Estimator, floor: float, ceiling: float | None) -> None:
        self._estimator, self._floor, self._ceiling = estimator, floor, ceiling

    def next(self, norm: torch.Tensor) -> torch.Tensor:
        threshold = self._estimator.threshold(norm).clamp(self._floor, self._ceiling)
        self._estimator.learn(norm, torch.minimum(norm, threshold), torch.isfinite(norm) & (norm > 0))
        return threshold

    def estimates(self) -> Mapping[str, torch.Tensor]:
        return self._estimator.estimates()

    def state_dict(self) -> State:
        return self._estimator.state_dict()

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        self._estimator.load_state_dict(state)
