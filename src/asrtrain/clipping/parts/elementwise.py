"""Rules that change every element by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import final

import torch

from asrtrain.clipping.interface import Action, ClipRule, Gradients, State
from asrtrain.clipping.parts.limits import Limits
from asrtrain.clipping.parts.looking import certainly
from asrtrain.clipping.parts.scopes import Splitter
from asrtrain.clipping.parts.turning import Rows, turned

Change = Callable[[torch.Tensor, torch.Tensor], None]
"""Changes a gradient (any shape) in place, by a limit () of its type."""


@final
class Elementwise(ClipRule):
    """g_i ← change(g_i, limit). ``leaves_small`` says that nothing changes where no element exceeds the limit."""

    def __init__(self, split: Splitter, limits: Limits, change: Change, *, leaves_small: bool = False) -> None:
        self._split, self._limits, self._change, self._leaves_small = split, limits, change, leaves_small

    @property
    def takes_shards(self) -> bool:
        return True

    def apply(self, gradients: Gradients) -> Action:
        blocks = self._split(gradients)
        peaks = [block.norm(float("inf")) for block in blocks]
        limits = self._limits.next(blocks, peaks)
        largest = torch.stack([torch.zeros_like(gradients.total), *limits]).amax()
        if self._leaves_small and all(certainly(p <= limit) for p, limit in zip(peaks, limits, strict=True)):
            return Action(largest, None, gradients.norms)
        limit_of: dict[int, torch.Tensor] = {}
        for block, limit in zip(blocks, limits, strict=True):
            held = {dtype: _representable(limit, dtype) for dtype in {tensor.dtype for tensor in block.tensors}}
            limit_of |= {i: held[t.dtype] for i, t in zip(block.positions, block.tensors, strict=True)}

        def change(i: int, _rows: Rows, piece: torch.Tensor) -> None:
            self._change(piece, limit_of[i])

        return turned(gradients, change, largest)

    def estimates(self) -> Mapping[str, torch.Tensor]:
        return self._limits.estimates()

    def state_dict(self) -> State:
        return self._limits.state_dict()

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        self._limits.load_state_dict(state)


def _representable(limit: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The limit as the gradient's type can hold it, rounded to nearest and, if finite, kept in the type's range."""
    return torch.where(torch.isinf(limit), limit, limit.clamp(max=torch.finfo(dtype).max)).to(dtype)
