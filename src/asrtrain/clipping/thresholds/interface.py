"""What a threshold is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import AfterValidator, Field

from asrtrain.clipping.interface import State
from asrtrain.config import Config

_SMALLEST = torch.finfo(torch.float32).tiny


def _no_zero_in_float32(value: float) -> float:
    if 0 < value < _SMALLEST:
        raise ValueError(f"{value} is too small for gradients in float32, which would become 0; write at least 2e-38")
    return value


NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False), AfterValidator(_no_zero_in_float32)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False), AfterValidator(_no_zero_in_float32)]


class Threshold(ABC):
    """A threshold for every step: one, or several of a kind that have nothing to do with each other."""

    @abstractmethod
    def next(self, norm: torch.Tensor) -> torch.Tensor:
        """The thresholds of this step, shaped like ``norm``, () or (K,) float64. Called once a step.

        K may grow from step to step. A norm that is not finite is none: nothing is learned from it.
        """

    @abstractmethod
    def state_dict(self) -> State:
        """What must survive a restart: tensors that begin with the dimension of the norms, or are shared, ()."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Take it back, bit for bit. Raises KeyError if it is another threshold's."""

    def estimates(self) -> Mapping[str, torch.Tensor]:
        """What was learned from the norms so far, each shaped like them; nothing where nothing is learned."""
        return {}


class ThresholdConfig(Config, ABC):
    """A threshold's settings."""

    name: str

    @abstractmethod
    def build(self, seed: int) -> Threshold:
        """Build the threshold."""
