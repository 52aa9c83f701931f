"""Truncation, of which there are several: whoever asks for it says of what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from asrtrain.clipping.interface import ClipRule, ClipRuleConfig
from asrtrain.clipping.promises import Promise
from asrtrain.clipping.thresholds import Positive
from asrtrain.clipping.truncate_small import DROPPING, dropping_small
from asrtrain.clipping.truncate_topk import TOP_K, TopK

_Of = Literal["small", "topk"]
_KEYS: Mapping[_Of, str] = {"small": "threshold", "topk": "keep"}
"""The one key that belongs to each."""


class TruncateConfig(ClipRuleConfig):
    """Drop what does not count: g_i ← g_i where i is among what is kept, else 0.

    of: small keeps elements with |g_i| ≥ threshold. of: topk keeps the largest of every tensor and sends the rest
    later: a = g + r; g ← a where |a| is among the largest, else 0; r ← a - g; the residual r is part of the state, as
    large as the model.
    """

    source: ClassVar = (
        "topk: Lin et al., 2018 (Deep Gradient Compression); small: folklore, we know of no published one"
    )
    cost: ClassVar = "small: two passes; topk: a selection in every tensor, and a number for every weight to remember"
    examples: ClassVar = (
        {"of": "small", "threshold": 0.5},
        *({"of": "topk", **keys} for keys in ({}, {"keep": 0.5}, {"keep": 1.0})),
    )

    name: Literal["truncate", "truncation"] = "truncate"
    of: _Of
    """What is truncated: small elements, or all but the largest."""
    threshold: Positive | None = None
    """of: small, where it is required: the smallest magnitude that an element may have."""
    keep: Annotated[float, Field(gt=0, le=1)] | None = None
    """of: topk: the share of a tensor's elements that is kept, rounded up; 0.01 unless said otherwise."""

    @model_validator(mode="after")
    def _keys_belong(self) -> TruncateConfig:
        for of, key in _KEYS.items():
            if of != self.of and getattr(self, key) is not None:
                raise ValueError(
                    f"{key} belongs to of: {of}, found of: {self.of}, whose key is {_KEYS[self.of]}; leave {key} out"
                )
        if self.of == "small" and self.threshold is None:
            raise ValueError("of: small wants a threshold, the smallest magnitude that an element may have")
        return self

    @property
    def promises(self) -> frozenset[Promise]:
        return DROPPING if self.threshold is not None else TOP_K

    def build(self, seed: int) -> ClipRule:
        if self.threshold is not None:
            return dropping_small(self.threshold, seed)
        return TopK(0.01 if self.keep is None else self.keep)
