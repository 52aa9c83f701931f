"""Smooth norm clipping: no corner at the threshold (Zhang, He, Sra and Jadbabaie, 2020)."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch

from asrtrain.clipping.interface import ClipRule, ClipRuleConfig
from asrtrain.clipping.parts.limits import Alike
from asrtrain.clipping.parts.scaling import Scaling
from asrtrain.clipping.parts.scopes import Scope, parts_tensors, split_by
from asrtrain.clipping.promises import SHORTENING, Promise
from asrtrain.clipping.thresholds import ThresholdChoice


class SmoothNormConfig(ClipRuleConfig):
    """Shorten every gradient, the more the longer it is: g ← g · c / (N + c). The norm stays below c."""

    source: ClassVar = "Zhang et al., 2020"
    cost: ClassVar = "one pass"
    examples: ClassVar = ({"threshold": 0.5}, {"threshold": 0.5, "scope": "tensor"})

    name: Literal["smooth_norm"] = "smooth_norm"
    threshold: ThresholdChoice
    """The norm that is never reached; a gradient as long as this is halved."""
    scope: Scope = "global"
    """What has a norm of its own."""

    @property
    def promises(self) -> frozenset[Promise]:
        promises = SHORTENING - {Promise.NO_OP, Promise.IDEMPOTENT}
        return promises if self.scope == "global" else promises - {Promise.DIRECTION, Promise.PARTITION}

    def build(self, seed: int) -> ClipRule:
        limits = Alike(self.threshold.build(seed))
        return Scaling(split_by(self.scope), limits, _smoothed, turns=parts_tensors(self.scope), takes_shards=True)


def _smoothed(norm: torch.Tensor, limit: torch.Tensor) -> torch.Tensor:
    # A threshold that is not known yet is infinite, one that freezes is zero: neither may make 0 / 0 or ∞ / ∞.
    return torch.where(torch.isfinite(limit) & (norm > 0), limit / (norm + limit), torch.ones_like(norm))
