"""Limits on every element of the update, by its weight (Clippy: Tang et al., 2023)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field

from asrtrain.clipping.interface import ClipRule, ClipRuleConfig
from asrtrain.clipping.parts.blocks import Block
from asrtrain.clipping.parts.limits import Alike
from asrtrain.clipping.parts.on_updates import OnUpdates
from asrtrain.clipping.parts.scaling import Scaling
from asrtrain.clipping.parts.scopes import split_by
from asrtrain.clipping.parts.slices import slices
from asrtrain.clipping.promises import UNTOUCHED, Promise
from asrtrain.clipping.thresholds import FixedConfig, Positive


class ClippyConfig(ClipRuleConfig):
    """Limit the update Δ of every tensor by its weights θ: Δ ← Δ · min(1, min_i (relative · |θ_i| + absolute) / |Δ_i|).

    Δ is what the optimiser does to the weights, with learning rate, momentum and weight decay. One element that would
    move too far shortens the update of its whole tensor, which a norm of many elements would not notice.
    """

    source: ClassVar = "Clippy: Tang et al., 2023"
    cost: ClassVar = "several passes over updates, a copy of the weights"
    examples: ClassVar = ({}, {"relative": 0.0, "absolute": 1e-3})

    name: Literal["clippy"] = "clippy"
    relative: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.5
    """How far an element may move, as a share of its weight."""
    absolute: Positive = 1e-2
    """How far it may move beyond that; without it, a weight of zero would stay zero."""

    @property
    def promises(self) -> frozenset[Promise]:
        return UNTOUCHED

    def build(self, seed: int) -> ClipRule:
        allowed = Alike(FixedConfig(value=1.0).build(seed))
        return OnUpdates(Scaling(split_by("tensor"), allowed, measure=self._excess))

    def _excess(self, block: Block) -> torch.Tensor:
        """How many times as far as it may the boldest element moves, ()."""
        ((update,), (weight,)) = block.tensors, block.weights
        boldest = [
            (u.double().abs() / w.double().abs().mul_(self.relative).add_(self.absolute)).amax()
            for u, w in slices(update, weight)
        ]
        return torch.stack(boldest).amax()
