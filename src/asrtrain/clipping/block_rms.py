"""Clipping by root mean square: a threshold that means the same for small and for large tensors."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import torch
from pydantic import model_validator

from asrtrain.clipping.interface import ClipRule, ClipRuleConfig
from asrtrain.clipping.parts.blocks import Block
from asrtrain.clipping.parts.dividing import Dividing, block_rms
from asrtrain.clipping.parts.limits import Alike
from asrtrain.clipping.parts.scaling import Scaling
from asrtrain.clipping.parts.scopes import Scope, parts_tensors, split_by
from asrtrain.clipping.promises import SHORTENING, Promise
from asrtrain.clipping.thresholds import FixedConfig, ThresholdChoice


class BlockRMSConfig(ClipRuleConfig):
    """Limit the root mean square of every part: g ← g · min(1, c / rms(g))."""

    source: ClassVar = "optax's ``clip_by_block_rms``"
    cost: ClassVar = "one pass where it clips, none where it does not"
    examples: ClassVar = (
        *({"threshold": 0.5}, {"threshold": 0.5, "scope": "unit"}),
        {"threshold": 0.5, "compat": "optax"},
    )

    name: Literal["block_rms"] = "block_rms"
    threshold: ThresholdChoice
    """The largest root mean square."""
    scope: Scope = "tensor"
    """What has a root mean square of its own."""

    compat: Literal["optax"] | None = None
    """optax: the operations of ``clip_by_block_rms``, in the gradient's own precision; null: exact."""

    @model_validator(mode="after")
    def _compat_is_by_tensor(self) -> BlockRMSConfig:
        if self.compat is not None and (self.scope != "tensor" or not isinstance(self.threshold, FixedConfig)):
            raise ValueError("compat: optax knows scope: tensor and a fixed threshold alone; leave one of them out")
        return self

    @property
    def promises(self) -> frozenset[Promise]:
        # The bound is one on the root mean square, not on the norm.
        promises = SHORTENING - {Promise.BOUND}
        if self.compat is not None:
            promises -= {Promise.IDEMPOTENT, Promise.HUGE, Promise.JOINT_SCALING, Promise.HALF_PRECISION}
        return promises if self.scope == "global" else promises - {Promise.DIRECTION, Promise.PARTITION}

    def build(self, seed: int) -> ClipRule:
        if self.compat is not None and isinstance(self.threshold, FixedConfig):
            return Dividing(self.threshold.value, block_rms(self.threshold.value))
        limits = Alike(self.threshold.build(seed))
        return Scaling(
            split_by(self.scope), limits, measure=_root_mean_square, turns=parts_tensors(self.scope), takes_shards=True
        )


def _root_mean_square(block: Block) -> torch.Tensor:
    return block.norm() / math.sqrt(block.size)
