"""Adaptive gradient clipping: a gradient may be so large as a share of its weights (Brock et al., 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Strict, model_validator

from asrtrain.clipping.interface import ClipRule, ClipRuleConfig
from asrtrain.clipping.parts.groups import check_patterns
from asrtrain.clipping.parts.limits import ByWeights
from asrtrain.clipping.parts.patterns import Pattern
from asrtrain.clipping.parts.scaling import Scaling
from asrtrain.clipping.parts.scopes import parts_tensors, split_by, without
from asrtrain.clipping.promises import EVERY, Promise
from asrtrain.clipping.thresholds import Positive


class AGCConfig(ClipRuleConfig):
    """Limit every unit u by its weights θ_u: g_u ← g_u · min(1, c_u / ‖g_u‖), c_u = clip_factor · max(‖θ_u‖, floor).

    A unit is one row of a matrix, or one output channel of a convolution, a bias as a whole: those of timm. The floor
    lets a parameter move that starts at zero.
    """

    source: ClassVar = "Brock et al., 2021"
    cost: ClassVar = "two passes to measure units, of gradients and of weights; one where it clips"
    examples: ClassVar = ({}, {"scope": "tensor"}, {"exclude": [r"^b\."]}, {"compat": "timm"})

    name: Literal["agc"] = "agc"
    clip_factor: Positive = 0.01
    """The largest gradient norm, as a share of the weights' norm."""
    floor: Positive = 1e-3
    """The least norm that weights count as having."""
    scope: Literal["unit", "tensor"] = "unit"
    """What is compared with its weights."""
    exclude: Annotated[tuple[Pattern, ...], Strict(False)] = ()
    """Regular expressions: parameters in whose names one is found are left alone, such as the last layer's."""

    compat: Literal["timm"] | None = None
    """timm: the bits of ``adaptive_clip_grad``, which measures in the gradient's own precision; null: exact."""

    @model_validator(mode="after")
    def _compat_is_by_unit(self) -> AGCConfig:
        if self.compat is not None and self.scope != "unit":
            raise ValueError(f"compat: timm knows no scope: {self.scope}; leave one of them out")
        return self

    @property
    def promises(self) -> frozenset[Promise]:
        promises = EVERY - {
            *(Promise.ELEMENT_BOUND, Promise.JOINT_SCALING, Promise.SCALE_FREE, Promise.SCALE_BLIND),
            *(Promise.MONOTONE, Promise.DIRECTION, Promise.PARTITION),
        }
        if self.compat is not None:
            promises -= {Promise.BOUND, Promise.HUGE}
        return promises - {Promise.BOUND} if self.exclude else promises

    def build(self, seed: int) -> ClipRule:
        if self.compat is not None:
            limits = ByWeights(self.clip_factor, self.floor, lambda block: _timm_norm(block.weights[0]))
            split = without(self.exclude, split_by("unit"))
            return Scaling(split, limits, _timm_coefficient, lambda block: _timm_norm(block.tensors[0]), turns=True)
        split, limits = without(self.exclude, split_by(self.scope)), ByWeights(self.clip_factor, self.floor)
        return Scaling(split, limits, turns=parts_tensors(self.scope), takes_shards=True)

    def check(self, names: Sequence[str]) -> None:
        check_patterns("exclude", self.exclude, names)


def _timm_norm(tensor: torch.Tensor) -> torch.Tensor:
    """Timm's ``unitwise_norm``, in the tensor's own precision."""
    apart = {"dim": tuple(range(1, tensor.ndim)), "keepdim": True} if tensor.ndim > 1 else {}
    norm: torch.Tensor = tensor.norm(2.0, **apart)
    return norm


def _timm_coefficient(norm: torch.Tensor, limit: torch.Tensor) -> torch.Tensor:
    return torch.where(norm < limit, torch.ones_like(norm), limit / norm.clamp(min=1e-6))
