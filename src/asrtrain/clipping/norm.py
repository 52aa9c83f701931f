"""Norm clipping: the direction is kept, the length is limited (Pascanu, Mikolov and Bengio, 2013)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, ClassVar, Literal, get_args

import torch
from pydantic import Field, model_validator

from asrtrain.clipping.interface import ClipRule, ClipRuleConfig
from asrtrain.clipping.parts.blocks import Block
from asrtrain.clipping.parts.dividing import Dividing, global_norm
from asrtrain.clipping.parts.groups import Groups, check_groups, check_scope, limits_of, splitter_of
from asrtrain.clipping.parts.scaling import Scaling, shorten
from asrtrain.clipping.parts.scopes import Scope, parts_tensors, split_by
from asrtrain.clipping.per_utterance import PerUtterance
from asrtrain.clipping.promises import SHORTENING, UNTOUCHED, Promise
from asrtrain.clipping.recurrent_clip import recurrent_clipping
from asrtrain.clipping.thresholds import FixedConfig, ThresholdChoice


class NormConfig(ClipRuleConfig):
    """Limit the p-norm N over the scope: g ← g · min(1, c / N). Exact: bit-identical below c, of norm c above."""

    source: ClassVar = "Pascanu, Mikolov and Bengio, 2013"
    cost: ClassVar = (
        "one pass where it clips, none where it does not; one more to measure another p, or parts of tensors"
    )
    examples: ClassVar = (
        *({"threshold": 0.5, "scope": scope} for scope in get_args(Scope)),
        *({"threshold": 0.5, "p": p} for p in (1.0, 3.0, "inf")),
        *({"threshold": 0.5, "scope": scope} for scope in ("utterance", "frame")),
        {"threshold": {r"^a\.": 0.25, r"^(?!a\.)": 0.5}, "scope": "group"},
        *({"threshold": 0.5, "compat": peer} for peer in ("torch", "optax")),
    )

    name: Literal["norm"] = "norm"
    threshold: ThresholdChoice | Groups
    """The largest norm that a part of the scope may have; a learned one is learned for every part. With scope: group,
    regular expressions, each with its threshold: every parameter's name must be found by exactly one of them."""
    scope: Scope | Literal["group", "utterance", "frame"] = "global"
    """What has a norm of its own: all gradients together, each layer (of a recurrent module: each layer and
    direction), each gate, each group, each tensor, each unit (a row or an output channel), or each element.
    utterance: the gradient of every utterance, which is the rule per_utterance; frame: that which goes from frame to
    frame inside recurrent layers, which is recurrent_clip. Both want a fixed threshold and the 2-norm."""
    p: Annotated[float, Field(ge=1)] | Literal["inf"] = 2.0
    """The order of the norm; inf: the largest magnitude."""

    compat: Literal["torch", "optax"] | None = None
    """torch: the bits of ``clip_grad_norm_``, which divides by N + 1e-6; optax: the operations of
    ``clip_by_global_norm``, which divides by N and multiplies by c; null: exact."""

    @model_validator(mode="after")
    def _groups_have_thresholds(self) -> NormConfig:
        check_scope(self.scope, self.threshold)
        return self

    @model_validator(mode="after")
    def _inside_is_simple(self) -> NormConfig:
        if self.scope in ("utterance", "frame") and (self.p != 2 or not isinstance(self.threshold, FixedConfig)):
            raise ValueError(
                f"scope: {self.scope} knows the 2-norm and a fixed threshold alone; write a number, and no p"
            )
        return self

    @model_validator(mode="after")
    def _compat_is_global(self) -> NormConfig:
        if self.compat is not None and self.scope != "global":
            raise ValueError(f"compat: {self.compat} knows no scope: {self.scope}; leave one of them out")
        if self.compat == "optax" and (self.p != 2 or not isinstance(self.threshold, FixedConfig)):
            raise ValueError("compat: optax knows the 2-norm and a fixed threshold alone; leave out p, or compat")
        return self

    @property
    def promises(self) -> frozenset[Promise]:
        if self.scope in ("utterance", "frame"):
            return UNTOUCHED
        promises = SHORTENING
        if self.scope == "group":  # no threshold is everybody's
            promises -= {Promise.BOUND, Promise.MONOTONE, Promise.JOINT_SCALING}
        if self.scope != "global":
            promises -= {Promise.DIRECTION, Promise.PARTITION}
        if self.p != 2:  # the p-th root rounds
            promises -= {Promise.NON_EXPANSIVE, Promise.JOINT_SCALING}
        if self.compat is not None:
            promises -= {Promise.JOINT_SCALING, Promise.IDEMPOTENT, Promise.HUGE}
        if self.compat == "optax":  # it squares in the gradients' own precision
            promises -= {Promise.HALF_PRECISION}
        return promises

    def build(self, seed: int) -> ClipRule:
        if self.scope == "utterance" or self.scope == "frame":  # noqa: PLR1714 - mypy then knows what is left
            return self._inside()
        limits, order = limits_of(self.threshold, seed), float(self.p)
        if self.compat == "optax" and isinstance(self.threshold, FixedConfig):
            return Dividing(self.threshold.value, global_norm(self.threshold.value))
        if self.compat is not None:
            measured = partial(_torch_norm, order=order)
            return Scaling(split_by("global"), limits, _torch_coefficient, measured)
        turns = self.scope != "group" and parts_tensors(self.scope)
        split = splitter_of(self.scope, self.threshold)
        return Scaling(split, limits, shorten, partial(Block.norm, order=order), turns=turns, takes_shards=True)

    def _inside(self) -> ClipRule:
        """The rule of a scope that is no part of the parameters."""
        assert isinstance(self.threshold, FixedConfig)
        value = self.threshold.value
        return PerUtterance(value) if self.scope == "utterance" else recurrent_clipping(value)

    def check(self, names: Sequence[str]) -> None:
        check_groups("threshold", self.threshold, names)


def _torch_norm(block: Block, order: float) -> torch.Tensor:
    """Torch's ``get_total_norm``, in the gradients' own precision."""
    norm: torch.Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(list(block.tensors), order)), order)
    return norm


def _torch_coefficient(norm: torch.Tensor, limit: torch.Tensor) -> torch.Tensor:
    # Not limit / norm: torch divides a number by a tensor by its reciprocal.
    return ((norm + 1e-6).reciprocal() * limit).clamp(max=1.0)
