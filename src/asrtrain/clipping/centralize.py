"""Gradient centralisation: the gradient of every unit has mean zero (Yong, Huang, Hua and Zhang, 2020)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal, final

import torch

from asrtrain.clipping.interface import Action, ClipRule, ClipRuleConfig, Gradients, State
from asrtrain.clipping.parts.looking import certainly
from asrtrain.clipping.parts.turning import Rows, turned
from asrtrain.clipping.promises import EVERY, Promise


class CentralizeConfig(ClipRuleConfig):
    """Subtract the mean of every row or output channel: g_u ← g_u - mean(g_u); biases and sparse gradients stay.

    No clipping by itself: a stage to put before it.
    """

    source: ClassVar = "Yong et al., 2020"
    cost: ClassVar = "two passes"
    examples: ClassVar = ({},)

    name: Literal["centralize"] = "centralize"

    @property
    def promises(self) -> frozenset[Promise]:
        kept = {
            Promise.IDEMPOTENT,
            Promise.SCALE_FREE,
            Promise.NON_EXPANSIVE,
            Promise.ZERO,
            Promise.HUGE,
            Promise.NO_SYNC,
        }
        return EVERY & kept

    def build(self, seed: int) -> ClipRule:
        return _Centralize()


@final
class _Centralize(ClipRule):
    def apply(self, gradients: Gradients) -> Action:
        changed = [torch.zeros_like(gradients.total)]

        def change(i: int, _rows: Rows, piece: torch.Tensor) -> None:
            # A sparse gradient's values are another tensor.
            if piece.ndim > 1 and gradients.tensors[i] is gradients.parameters[i].grad:
                mean = _means(piece)
                changed[0] = changed[0] + (mean != 0).sum() * piece[0].numel()
                piece.sub_(mean)

        action = turned(gradients, change, torch.full_like(gradients.total, float("inf")), changed[0])
        return replace(action, share=torch.where(gradients.finite, changed[0] / max(1, gradients.size), 0.0))

    def state_dict(self) -> State:
        return {}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Nothing to take back."""


def _means(tensor: torch.Tensor) -> torch.Tensor:
    """Of every row or output channel, in a shape to subtract; in float64 where the sum of float32 might overflow."""
    apart = tuple(range(1, tensor.ndim))
    if tensor.dtype == torch.float32:
        means = tensor.mean(dim=apart, keepdim=True)
        if certainly(torch.isfinite(means).all()):
            return means
    return tensor.mean(dim=apart, keepdim=True, dtype=torch.float64)
