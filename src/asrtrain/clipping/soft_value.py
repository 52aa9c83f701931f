"""Soft value clipping: every element on its own, without a corner at the threshold."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch

from asrtrain.clipping.interface import ClipRule, ClipRuleConfig
from asrtrain.clipping.parts.elementwise import Elementwise
from asrtrain.clipping.parts.limits import Alike
from asrtrain.clipping.parts.looking import clamp_
from asrtrain.clipping.parts.scopes import split_by
from asrtrain.clipping.promises import EVERY, Promise
from asrtrain.clipping.thresholds import ThresholdChoice


class SoftValueConfig(ClipRuleConfig):
    """Shrink every element, the more the larger it is: g_i ← g_i / (1 + |g_i| / c). No element reaches c.

    The rational ("tamed") clipper of stochastic approximation.
    """

    source: ClassVar = "Hutzenthaler, Jentzen and Kloeden, 2012"
    cost: ClassVar = "two passes"
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
        return Elementwise(split_by("global"), Alike(self.threshold.build(seed)), _tame)


def _tame(gradient: torch.Tensor, limit: torch.Tensor) -> None:
    # Beyond 2^100 c the result is c, and the quotient |g| / c might exceed the range of its type. A limit of zero
    # freezes, one that is not known yet is infinite: neither may make 0 / 0 or ∞ / ∞.
    wide = gradient if gradient.element_size() >= 4 else gradient.float()
    limit = limit.to(wide.dtype)
    clamp_(wide, limit * 2.0**100)
    gradient.copy_(wide.div_(wide.abs().div_(limit.clamp(min=torch.finfo(wide.dtype).tiny)).add_(1)))
