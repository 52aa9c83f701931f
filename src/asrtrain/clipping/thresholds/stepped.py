"""A threshold that follows from the number of the step alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import final

import torch

from asrtrain.clipping.interface import State
from asrtrain.clipping.thresholds.interface import Threshold


@final
class Stepped(Threshold):
    """c_t = at(t), t counted from 0."""

    def __init__(self, at: Callable[[int], float]) -> None:
        self._at, self._step = at, 0

    def next(self, norm: torch.Tensor) -> torch.Tensor:
        value = self._at(self._step)
        self._step += 1
        return torch.full_like(norm, value)

    def state_dict(self) -> State:
        return {"step": torch.tensor(self._step)}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        self._step = int(state["step"])
