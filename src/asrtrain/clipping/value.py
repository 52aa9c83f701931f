"""Value clipping: every element on its own (Mikolov, 2012)."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch

from asrtrain.clipping.interface import ClipRule, ClipRuleConfig
from asrtrain.clipping.parts.elementwise import Elementwise
from asrtrain.clipping.parts.limits import Alike
from asrtrain.clipping.parts.scopes import split_by
from asrtrain.clipping.promises import EVERY, Promise
from asrtrain.clipping.thresholds import ThresholdChoice


class ValueConfig(ClipRuleConfig):
    """Clamp every element: g_i ← sign(g_i) · min(|g_i|, c). The sign is kept; the direction of the whole is not.

    With a fixed threshold, the same bits as torch's ``clip_grad_value_``. A learned one learns from the largest |g_i|.
    """

    examples: ClassVar = ({"threshold": 0.5}, {"threshold": 0.5, "scope": "tensor"})

    name: Literal["value"] = "value"
    threshold: ThresholdChoice
    """The largest magnitude that an element may have."""
    scope: Literal["global", "layer", "tensor"] = "global"
    """What shares one threshold, where it is learned: all gradients, those of one layer, or each tensor."""

    @property
    def promises(self) -> frozenset[Promise]:
        return EVERY - {Promise.BOUND, Promise.SCALE_FREE, Promise.SCALE_BLIND, Promise.DIRECTION}

    def build(self, seed: int) -> ClipRule:
        limits = Alike(self.threshold.build(seed))
        return Elementwise(split_by(self.scope), limits, _clamp, leaves_small=True)


def _clamp(gradient: torch.Tensor, limit: torch.Tensor) -> None:
    gradient.clamp_(-limit, limit)
