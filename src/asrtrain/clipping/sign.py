"""The sign alone: every element gets the same magnitude (signSGD: Bernstein et al., 2018)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field

from asrtrain.clipping.interface import ClipRule, ClipRuleConfig
from asrtrain.clipping.parts.elementwise import Elementwise
from asrtrain.clipping.parts.limits import Alike
from asrtrain.clipping.parts.scopes import split_by
from asrtrain.clipping.promises import EVERY, Promise
from asrtrain.clipping.thresholds import FixedConfig, Positive


class SignConfig(ClipRuleConfig):
    """Keep the signs alone: g_i ← c · sign(g_i); zero stays zero."""

    source: ClassVar = "signSGD: Bernstein et al., 2018"
    cost: ClassVar = "one pass"
    examples: ClassVar = ({}, {"threshold": 0.5})

    name: Literal["sign"] = "sign"
    threshold: Annotated[Positive, Field(le=1e30)] = 1.0
    """The magnitude of every element."""

    @property
    def promises(self) -> frozenset[Promise]:
        return EVERY - {
            *(Promise.NO_OP, Promise.BOUND, Promise.SCALE_FREE, Promise.NON_EXPANSIVE, Promise.DIRECTION),
        }

    def build(self, seed: int) -> ClipRule:
        limits = Alike(FixedConfig(value=self.threshold).build(seed))
        return Elementwise(split_by("global"), limits, _to_sign)


def _to_sign(gradient: torch.Tensor, limit: torch.Tensor) -> None:
    gradient.sign_().mul_(limit)
