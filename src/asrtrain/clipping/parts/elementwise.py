"""Rules that change every element by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import final

import torch

from asrtrain.clipping.interface import Action, ClipRule, Gradients, State
from asrtrain.clipping.parts.limits import Limits
from asrtrain.clipping.parts.scopes import Splitter

Change = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""From a gradient (any shape) and a limit () of its type, the new gradient."""


@final
class Elementwise(ClipRule):
    """g_i ← change(g_i, limit). ``leaves_small`` says that nothing changes where no element exceeds the limit."""

    def __init__(self, split: Splitter, limits: Limits, change: Change, *, leaves_small: bool = False) -> None:
        self._split, self._limits, self._change, self._leaves_small = split, limits, change, leaves_small

    def apply(self, gradients: Gradients) -> Action:
        largest, changed = torch.zeros_like(gradients.total), torch.zeros_like(gradients.total)
        for block in self._split(gradients):
            peak = block.norm(float("inf"))
            limit = self._limits.next(block, peak)
            largest = torch.maximum(largest, limit)
            if self._leaves_small and bool(peak <= limit):
                continue
            for tensor in block.tensors:
                new = self._change(tensor, _representable(limit, tensor.dtype))
                changed += (new != tensor).sum()
                tensor.copy_(new)
        return Action(largest, changed / max(1, gradients.size))

    def state_dict(self) -> State:
        return self._limits.state_dict()

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        self._limits.load_state_dict(state)


def _representable(limit: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The limit as the gradient's type can hold it, rounded to nearest and kept in the type's range."""
    return limit.clamp(max=torch.finfo(dtype).max).to(dtype)
