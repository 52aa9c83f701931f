"""Truncation, of which there are several: whoever asks for it says of what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from asrtrain.clipping.interface import ClipRule, ClipRuleConfig
from asrtrain.clipping.promises import UNTOUCHED, Promise
from asrtrain.clipping.thresholds import Positive
from asrtrain.clipping.truncate_bptt import TruncatedBPTT
from asrtrain.clipping.truncate_small import DROPPING, dropping_small
from asrtrain.clipping.truncate_topk import TOP_K, TopK
from asrtrain.config.run import Run

_Of = Literal["small", "topk", "bptt"]
_KEYS: Mapping[_Of, str] = {"small": "threshold", "topk": "keep", "bptt": "frames"}
"""The one key that belongs to each."""


class TruncateConfig(ClipRuleConfig):
    """Drop what does not count: g_i ← g_i where i is among what is kept, else 0.

    of: small keeps elements with |g_i| ≥ threshold. of: topk keeps the largest of every tensor and sends the rest
    later: a = g + r; g ← a where |a| is among the largest, else 0; r ← a - g; the residual r is part of the state, as
    large as the model. of: bptt keeps what reaches no further back than the last frames of a recurrence: h_t hands on
    its value and not its history, ∂h_t/∂h_t-1 ← 0, where t is a multiple of ``frames``; the loss stays the same.
    """

    source: ClassVar = (
        "topk: Lin et al., 2018 (Deep Gradient Compression); small: folklore, we know of no published one"
    )
    cost: ClassVar = (
        "small: two passes; topk: a selection, and a number to remember for every weight; bptt: that of recurrent_clip"
    )
    examples: ClassVar = (
        {"of": "small", "threshold": 0.5},
        *({"of": "topk", **keys} for keys in ({}, {"keep": 0.5}, {"keep": 1.0})),
        {"of": "bptt"},
    )

    name: Literal["truncate", "truncation"] = "truncate"
    of: _Of
    """What is truncated: small elements, all but the largest, or backpropagation through time."""
    threshold: Positive | None = None
    """of: small, where it is required: the smallest magnitude that an element may have."""
    keep: Annotated[float, Field(gt=0, le=1)] | None = None
    """of: topk: the share of a tensor's elements that is kept, rounded up; 0.01 unless said otherwise."""

    frames: Annotated[int, Field(ge=1)] | None = None
    """of: bptt: how many frames gradients go back at most; 20 unless said otherwise. Layers read one direction only."""

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
        match self.of:
            case "small":
                return DROPPING
            case "topk":
                return TOP_K
            case "bptt":
                return UNTOUCHED

    def check_with(self, run: Run, key: str) -> None:
        super().check_with(run, key)
        if self.of == "bptt" and run.value("encoder.bidirectional"):
            raise ValueError(
                f"{key} truncates backpropagation through time, and model.bidirectional is true: the end of "
                "an utterance would act on its beginning all the same; write model.bidirectional: false, or "
                "clipping: recurrent_zero"
            )

    def build(self, seed: int) -> ClipRule:
        match self.of:
            case "small":
                assert self.threshold is not None
                return dropping_small(self.threshold, seed)
            case "topk":
                return TopK(self.keep or 0.01)
            case "bptt":
                return TruncatedBPTT(self.frames or 20)
