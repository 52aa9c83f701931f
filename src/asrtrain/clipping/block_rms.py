"""Clipping by root mean square: a threshold that means the same for small and for large tensors."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import torch

from asrtrain.clipping.interface import ClipRule, ClipRuleConfig
from asrtrain.clipping.parts.blocks import Block
from asrtrain.clipping.parts.limits import Alike
from asrtrain.clipping.parts.scaling import Scaling
from asrtrain.clipping.parts.scopes import Scope, parts_tensors, split_by
from asrtrain.clipping.promises import SHORTENING, Promise
from asrtrain.clipping.thresholds import ThresholdChoice


class BlockRMSConfig(ClipRuleConfig):
    """Limit the root mean square of every part: g ← g · min(1, c / rms(g))."""

    source: ClassVar = "optax's ``clip_by_block_rms``"
    cost: ClassVar = "one pass where it clips, none where it does not"
    examples: ClassVar = ({"threshold": 0.5}, {"threshold": 0.5, "scope": "unit"})

    name: Literal["block_rms"] = "block_rms"
    threshold: ThresholdChoice
    """The largest root mean square."""
    scope: Scope = "tensor"
    """What has a root mean square of its own."""

    @property
    def promises(self) -> frozenset[Promise]:
        # The bound is one on the root mean square, not on the norm.
        promises = SHORTENING - {Promise.BOUND}
        return promises if self.scope == "global" else promises - {Promise.DIRECTION, Promise.PARTITION}

    def build(self, seed: int) -> ClipRule:
        limits = Alike(self.threshold.build(seed))
        return Scaling(split_by(self.scope), limits, measure=_root_mean_square, turns=parts_tensors(self.scope))


def _root_mean_square(block: Block) -> torch.Tensor:
    return block.norm() / math.sqrt(block.size)
