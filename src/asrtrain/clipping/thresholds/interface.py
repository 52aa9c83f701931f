"""What a threshold is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field

from asrtrain.clipping.interface import State
from asrtrain.config import Config

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Threshold(ABC):
    """A threshold for every step, as a 0-d float64 tensor."""

    @abstractmethod
    def next(self, norm: torch.Tensor) -> torch.Tensor:
        """The threshold of this step, whose finite norm is ``norm`` (). Called once a step."""

    @abstractmethod
    def state_dict(self) -> State:
        """What must survive a restart."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Take it back, bit for bit. Raises KeyError if it is another threshold's."""


class ThresholdConfig(Config, ABC):
    """A threshold's settings."""

    name: str

    @abstractmethod
    def build(self, seed: int) -> Threshold:
        """Build the threshold."""
