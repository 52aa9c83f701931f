"""Norm clipping of named groups of parameters (the per-group ``max_grad_norm`` of OLMo: Groeneveld et al., 2024)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from asrtrain.clipping.interface import ClipRule, ClipRuleConfig
from asrtrain.clipping.parts.limits import ByThreshold
from asrtrain.clipping.parts.patterns import Pattern
from asrtrain.clipping.parts.scaling import Scaling
from asrtrain.clipping.parts.scopes import split_by_pattern
from asrtrain.clipping.promises import SHORTENING, Promise
from asrtrain.clipping.thresholds import FixedConfig, ThresholdChoice


class NormByGroupConfig(ClipRuleConfig):
    """Limit the 2-norm N of every group of parameters by a threshold of its own: g ← g · min(1, c / N)."""

    examples: ClassVar = ({"groups": {r"^a\.": 0.25, r"^(?!a\.)": 0.5}}, {})

    name: Literal["norm_by_group"] = "norm_by_group"
    groups: Annotated[dict[Pattern, ThresholdChoice], Field(min_length=1)] = {"": FixedConfig(value=1.0)}  # noqa: RUF012
    """Regular expressions, each with its threshold; every parameter's name must be found by exactly one of them."""

    @property
    def promises(self) -> frozenset[Promise]:
        # Every group has a bound of its own, and no threshold is everybody's.
        return SHORTENING - {
            *(Promise.DIRECTION, Promise.PARTITION),
            *(Promise.BOUND, Promise.MONOTONE, Promise.JOINT_SCALING),
        }

    def build(self, seed: int) -> ClipRule:
        return Scaling(split_by_pattern(list(self.groups)), ByThreshold(lambda group: self.groups[group].build(seed)))
