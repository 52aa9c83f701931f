"""The same threshold at every step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, final

import torch
from pydantic import model_validator

from asrtrain.clipping.interface import State
from asrtrain.clipping.thresholds.interface import NotNegative, Threshold, ThresholdConfig


class FixedConfig(ThresholdConfig):
    """The same threshold at every step: c_t = value."""

    name: Literal["fixed"] = "fixed"
    value: NotNegative
    """The threshold; zero only together with ``freeze: true``."""
    freeze: bool = False
    """Whether a threshold of zero is meant: nothing learns from then on."""

    @model_validator(mode="after")
    def _zero_is_meant(self) -> FixedConfig:
        if (self.value == 0) != self.freeze:
            raise ValueError(
                "a value of 0 stops all learning; write a number > 0, or freeze: true beside it if that is meant"
                if self.value == 0
                else f"freeze: true wants value: 0, found {self.value}; leave freeze out"
            )
        return self

    def build(self, seed: int) -> Threshold:
        return _Fixed(self.value)


@final
class _Fixed(Threshold):
    def __init__(self, value: float) -> None:
        self._value, self._like_last = value, torch.zeros(())

    def next(self, norm: torch.Tensor) -> torch.Tensor:
        last = self._like_last
        if (last.shape, last.dtype, last.device) != (norm.shape, norm.dtype, norm.device):
            self._like_last = torch.full_like(norm, self._value)
        return self._like_last

    def state_dict(self) -> State:
        return {}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Nothing to take back."""
