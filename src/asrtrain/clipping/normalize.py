"""Normalising: every gradient gets the same norm, short ones are lengthened."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import torch
from pydantic import model_validator

from asrtrain.clipping.interface import ClipRule, ClipRuleConfig
from asrtrain.clipping.parts.limits import Alike
from asrtrain.clipping.parts.scaling import Scaling
from asrtrain.clipping.parts.scopes import Scope, parts_tensors, split_by
from asrtrain.clipping.promises import EVERY, Promise
from asrtrain.clipping.thresholds import FixedConfig, ThresholdChoice

LARGEST = 1e30
"""The largest norm that gradients are lengthened to: far below what float32 and bfloat16 hold, 3.4e38."""


class NormalizeConfig(ClipRuleConfig):
    """Give every gradient the norm c: g ← g · c / N; zero stays zero."""

    source: ClassVar = "Hazan, Levy and Shalev-Shwartz, 2015"
    cost: ClassVar = "one pass"
    examples: ClassVar = ({"threshold": 0.5}, {"threshold": 0.5, "scope": "layer"})

    name: Literal["normalize"] = "normalize"
    threshold: ThresholdChoice
    """The norm of every gradient."""
    scope: Scope = "global"
    """What has a norm of its own."""

    @model_validator(mode="after")
    def _norm_can_be_had(self) -> Self:
        if isinstance(self.threshold, FixedConfig) and self.threshold.value > LARGEST:
            raise ValueError(f"threshold: a norm of {self.threshold.value:g} overflows; choose at most {LARGEST:g}")
        return self

    @property
    def promises(self) -> frozenset[Promise]:
        promises = EVERY - {Promise.NO_OP, Promise.ELEMENT_BOUND, Promise.SCALE_FREE, Promise.NON_EXPANSIVE}
        return promises if self.scope == "global" else promises - {Promise.DIRECTION, Promise.PARTITION}

    def build(self, seed: int) -> ClipRule:
        limits = Alike(self.threshold.build(seed))
        return Scaling(split_by(self.scope), limits, _to_length, turns=parts_tensors(self.scope), takes_shards=True)


def _to_length(norm: torch.Tensor, limit: torch.Tensor) -> torch.Tensor:
    return torch.where((norm > 0) & torch.isfinite(limit), limit / norm, torch.ones_like(norm))
