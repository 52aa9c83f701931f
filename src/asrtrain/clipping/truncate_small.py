"""Truncating small elements: what lies below the threshold is dropped."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch

from asrtrain.clipping.interface import ClipRule, ClipRuleConfig
from asrtrain.clipping.parts.elementwise import Elementwise
from asrtrain.clipping.parts.limits import Alike
from asrtrain.clipping.parts.scopes import split_by
from asrtrain.clipping.promises import Promise
from asrtrain.clipping.thresholds import FixedConfig, Positive


class TruncateSmallConfig(ClipRuleConfig):
    """Drop small elements: g_i ← g_i where |g_i| ≥ c, else 0. Large ones stay as they are.

    Not to be confused with truncated backpropagation through time, which cuts the graph and not the gradient.
    """

    source: ClassVar = "folklore; we know of no published one"
    cost: ClassVar = "two passes"
    examples: ClassVar = ({"threshold": 0.5},)

    name: Literal["truncate_small"] = "truncate_small"
    threshold: Positive
    """The smallest magnitude that an element may have."""

    @property
    def promises(self) -> frozenset[Promise]:
        kept = {Promise.IDEMPOTENT, Promise.JOINT_SCALING, Promise.ZERO, Promise.PARTITION, Promise.HUGE}
        return frozenset(kept | {Promise.NO_SYNC})

    def build(self, seed: int) -> ClipRule:
        limits = Alike(FixedConfig(value=self.threshold).build(seed))
        return Elementwise(split_by("global"), limits, _drop_small)


def _drop_small(gradient: torch.Tensor, limit: torch.Tensor) -> None:
    gradient.mul_(gradient.abs() >= limit)
