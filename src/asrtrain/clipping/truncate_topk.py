"""Top-k truncation: what is not sent now is sent later (Deep Gradient Compression: Lin et al., 2018)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import final

import torch

from asrtrain.clipping.interface import Action, ClipRule, Gradients, State
from asrtrain.clipping.measure import entries
from asrtrain.clipping.parts.memory import Memory
from asrtrain.clipping.parts.turning import Rows, turned
from asrtrain.clipping.promises import Promise

TOP_K = frozenset({Promise.SCALE_FREE, Promise.ZERO, Promise.HUGE, Promise.NO_SYNC})
"""What the rule promises."""


@final
class TopK(ClipRule):
    """a = g + r; g ← a where |a| is among the largest of its tensor, else 0; r ← a - g.

    The residual r is the rule's state, as large as the model.
    """

    def __init__(self, keep: float) -> None:
        self._keep, self._residual = keep, Memory()

    def apply(self, gradients: Gradients) -> Action:
        chosen = []
        for name, parameter, tensor in zip(gradients.names, gradients.parameters, gradients.tensors, strict=True):
            residual, where = self._residual.of(name, parameter), entries(parameter)
            whole = residual[where] + tensor
            sent = _largest(whole, math.ceil(self._keep * whole.numel())).to(tensor.dtype)
            residual[where] = torch.where(gradients.finite, (whole - sent).float(), residual[where])
            chosen.append(sent)

        def change(i: int, rows: Rows, piece: torch.Tensor) -> None:
            piece.copy_(chosen[i][rows])

        return turned(gradients, change, torch.full_like(gradients.total, float("inf")))

    def state_dict(self) -> State:
        return self._residual.state_dict()

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        self._residual.load_state_dict(state)


def _largest(tensor: torch.Tensor, count: int) -> torch.Tensor:
    """The elements of largest magnitude where they are, zero elsewhere."""
    flat = tensor.flatten()
    kept = flat.abs().topk(count).indices
    return torch.zeros_like(flat).scatter_(0, kept, flat[kept]).view_as(tensor)
