"""Soft value clipping: every element on its own, without a corner at the threshold."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch

from asrtrain.clipping.interface import ClipRule, ClipRuleConfig
from asrtrain.clipping.parts.elementwise import Elementwise
from asrtrain.clipping.parts.limits import ByThreshold
from asrtrain.clipping.parts.scopes import split_by
from asrtrain.clipping.promises import EVERY, Promise
from asrtrain.clipping.thresholds import ThresholdChoice


class SoftValueConfig(ClipRuleConfig):
    """Shrink every element, the more the larger it is: g_i ← g_i / (1 + |g_i| / c). No element reaches c.

    The rational ("tamed") clipper of stochastic approximation (Hutzenthaler, Jentzen and Kloeden, 2012).
    """

    examples: ClassVar = ({"threshold": 0.5},)

    name: Literal["soft_value"] = "soft_value"
    threshold: ThresholdChoice
    """The magnitude that is never reached; an element as large as this is halved."""

    @property
    def promises(self) -> frozenset[Promise]:
        return EVERY - {
            *(Promise.NO_OP, Promise.BOUND, Promise.IDEMPOTENT, Promise.DIRECTION),
            *(Promise.SCALE_FREE, Promise.SCALE_BLIND),
        }

    def build(self, seed: int) -> ClipRule:
        return Elementwise(split_by("global"), ByThreshold(lambda _: self.threshold.build(seed)), _tamed)


def _tamed(gradient: torch.Tensor, limit: torch.Tensor) -> torch.Tensor:
    if bool(limit == 0):
        return torch.zeros_like(gradient)
    # In double: |g| / c may exceed the range of the gradient's own type.
    return (gradient.double() / (1 + gradient.abs().double() / limit.double())).to(gradient.dtype)
