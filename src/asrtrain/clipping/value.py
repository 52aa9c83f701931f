"""Value clipping: every element on its own (Mikolov, 2012)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from pydantic import model_validator

from asrtrain.clipping.interface import ClipRule, ClipRuleConfig
from asrtrain.clipping.parts.elementwise import Elementwise
from asrtrain.clipping.parts.groups import Groups, check_groups, check_scope, limits_of, splitter_of
from asrtrain.clipping.parts.looking import clamp_
from asrtrain.clipping.promises import EVERY, Promise
from asrtrain.clipping.thresholds import ThresholdChoice


class ValueConfig(ClipRuleConfig):
    """Clamp every element: g_i ← sign(g_i) · min(|g_i|, c). The sign is kept; the direction of the whole is not.

    With a fixed threshold, the same bits as torch's ``clip_grad_value_``. A learned one learns from the largest |g_i|.
    """

    source: ClassVar = "Mikolov, 2012; torch's ``clip_grad_value_``"
    cost: ClassVar = "one pass"
    examples: ClassVar = (
        {"threshold": 0.5},
        {"threshold": 0.5, "scope": "tensor"},
        {"threshold": {r"^a\.": 0.25, r"^(?!a\.)": 0.5}, "scope": "group"},
    )

    name: Literal["value"] = "value"
    threshold: ThresholdChoice | Groups
    """The largest magnitude that an element may have. With scope: group, regular expressions, each with its threshold:
    every parameter's name must be found by exactly one of them."""
    scope: Literal["global", "layer", "tensor", "group"] = "global"
    """What shares one threshold, where it is learned: all gradients, those of one layer, each tensor, or a group."""

    @model_validator(mode="after")
    def _groups_have_thresholds(self) -> ValueConfig:
        check_scope(self.scope, self.threshold)
        return self

    @property
    def promises(self) -> frozenset[Promise]:
        promises = EVERY - {Promise.BOUND, Promise.SCALE_FREE, Promise.SCALE_BLIND, Promise.DIRECTION}
        if self.scope == "group":  # no threshold is everybody's
            promises -= {Promise.PARTITION, Promise.MONOTONE, Promise.JOINT_SCALING}
        return promises

    def build(self, seed: int) -> ClipRule:
        split = splitter_of(self.scope, self.threshold)
        return Elementwise(split, limits_of(self.threshold, seed), _clamp, leaves_small=True)

    def check(self, names: Sequence[str]) -> None:
        check_groups("threshold", self.threshold, names)


def _clamp(gradient: torch.Tensor, limit: torch.Tensor) -> None:
    clamp_(gradient, limit)
