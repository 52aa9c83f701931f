"""Gradient clipping, usable from any PyTorch loop.

>>> from asrtrain.clipping import build_clipper
>>> clip = build_clipper({"name": "norm", "threshold": 1.0})
>>> # after loss.backward(), before optimizer.step():
>>> # report = clip(model.named_parameters())
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Strict, TypeAdapter

from asrtrain.clipping.clipper import Clipper
from asrtrain.clipping.interface import ClipReport, ClipRule, ClipRuleConfig, Gradients
from asrtrain.clipping.measure import measure
from asrtrain.clipping.none import NoneConfig
from asrtrain.clipping.norm import NormConfig, layer_of
from asrtrain.clipping.value import ValueConfig
from asrtrain.config import OneOf

CLIPPERS: dict[str, type[ClipRuleConfig]] = {
    "none": NoneConfig,
    "value": ValueConfig,
    "norm": NormConfig,
}


def _one_is_a_list(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


_Rule = Annotated[ClipRuleConfig, OneOf(CLIPPERS)]
ClippingChoice = Annotated[
    tuple[_Rule, ...],
    Strict(False),
    BeforeValidator(_one_is_a_list, json_schema_input_type=_Rule | list[_Rule]),
]
"""A configuration field for clipping: one rule, or an ordered list of them."""

_ADAPTER: TypeAdapter[tuple[ClipRuleConfig, ...]] = TypeAdapter(ClippingChoice)


def build_clipper(rules: Mapping[str, Any] | ClipRuleConfig | Sequence[Any], *, seed: int = 0) -> Clipper:
    """Build a clipper from one rule or an ordered list, as written in YAML. Raises pydantic's ValidationError."""
    return Clipper([rule.build(seed) for rule in _ADAPTER.validate_python(rules)])


__all__ = [
    "CLIPPERS",
    "ClipReport",
    "ClipRule",
    "ClipRuleConfig",
    "Clipper",
    "ClippingChoice",
    "Gradients",
    "build_clipper",
    "layer_of",
    "measure",
]
