"""Top-k truncation: what is not sent now is sent later (Deep Gradient Compression: Lin et al., 2018)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, final

import torch
from pydantic import Field

from asrtrain.clipping.interface import Action, ClipRule, ClipRuleConfig, Gradients, State
from asrtrain.clipping.measure import entries
from asrtrain.clipping.parts.comparing import compared, copied
from asrtrain.clipping.parts.memory import Memory
from asrtrain.clipping.promises import Promise


class TruncateTopKConfig(ClipRuleConfig):
    """Keep the largest elements of every tensor: a = g + r; g ← a where |a| is among the largest, else 0; r ← a - g.

    The residual r is part of the state, as large as the model.
    """

    source: ClassVar = "Deep Gradient Compression: Lin et al., 2018"
    cost: ClassVar = "a selection of the largest in every tensor; a number for every weight to remember"
    examples: ClassVar = ({}, {"keep": 0.5}, {"keep": 1.0})

    name: Literal["truncate_topk"] = "truncate_topk"
    keep: Annotated[float, Field(gt=0, le=1)] = 0.01
    """The share of a tensor's elements that is kept, rounded up."""

    @property
    def promises(self) -> frozenset[Promise]:
        return frozenset({Promise.SCALE_FREE, Promise.ZERO, Promise.HUGE, Promise.NO_SYNC})

    def build(self, seed: int) -> ClipRule:
        return _TopK(self.keep)


@final
class _TopK(ClipRule):
    def __init__(self, keep: float) -> None:
        self._keep, self._residual = keep, Memory()

    def apply(self, gradients: Gradients) -> Action:
        copies = copied(gradients)
        for name, parameter, tensor in zip(gradients.names, gradients.parameters, gradients.tensors, strict=True):
            residual, where = self._residual.of(name, parameter), entries(parameter)
            whole = residual[where] + tensor
            sent = _largest(whole, math.ceil(self._keep * whole.numel())).to(tensor.dtype)
            residual[where] = torch.where(gradients.finite, (whole - sent).float(), residual[where])
            tensor.copy_(sent)
        return compared(gradients, copies, torch.full_like(gradients.total, float("inf")))

    def state_dict(self) -> State:
        return self._residual.state_dict()

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        self._residual.load_state_dict(state)


def _largest(tensor: torch.Tensor, count: int) -> torch.Tensor:
    """The elements of largest magnitude where they are, zero elsewhere."""
    flat = tensor.flatten()
    kept = flat.abs().topk(count).indices
    return torch.zeros_like(flat).scatter_(0, kept, flat[kept]).view_as(tensor)
