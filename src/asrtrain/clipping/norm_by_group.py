"""Norm clipping of named groups of parameters (the per-group ``max_grad_norm`` of OLMo: Groeneveld et al., 2024)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from asrtrain.clipping.interface import ClipRule, ClipRuleConfig
from asrtrain.clipping.parts.groups import Groups, check_groups, limits_of
from asrtrain.clipping.parts.scaling import Scaling
from asrtrain.clipping.parts.scopes import split_by_pattern
from asrtrain.clipping.promises import SHORTENING, Promise
from asrtrain.clipping.thresholds import FixedConfig


class NormByGroupConfig(ClipRuleConfig):
    """Limit the 2-norm N of every group of parameters by a threshold of its own: g ← g · min(1, c / N).

    The same as norm with scope: group.
    """

    source: ClassVar = "OLMo's ``max_grad_norm`` of every parameter group"
    cost: ClassVar = "one pass where it clips, none where it does not"
    examples: ClassVar = ({"groups": {r"^a\.": 0.25, r"^(?!a\.)": 0.5}}, {})

    name: Literal["norm_by_group"] = "norm_by_group"
    groups: Groups = {"": FixedConfig(value=1.0)}  # noqa: RUF012
    """Regular expressions, each with its threshold; every parameter's name must be found by exactly one of them."""

    @property
    def promises(self) -> frozenset[Promise]:
        # Every group has a bound of its own, and no threshold is everybody's.
        return SHORTENING - {
            *(Promise.DIRECTION, Promise.PARTITION),
            *(Promise.BOUND, Promise.MONOTONE, Promise.JOINT_SCALING),
        }

    def build(self, seed: int) -> ClipRule:
        return Scaling(split_by_pattern(list(self.groups)), limits_of(self.groups, seed), takes_shards=True)

    def check(self, names: Sequence[str]) -> None:
        check_groups("groups", self.groups, names)
