"""Gradient clipping, usable from any PyTorch loop.

>>> from asrtrain.clipping import build_clipper
>>> clip = build_clipper({"name": "norm", "threshold": 1.0})
>>> # after loss.backward(), before optimizer.step():
>>> # report = clip(model.named_parameters())
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Strict, TypeAdapter

from asrtrain.clipping.adagc import AdaGCConfig
from asrtrain.clipping.agc import AGCConfig
from asrtrain.clipping.block_rms import BlockRMSConfig
from asrtrain.clipping.centralize import CentralizeConfig
from asrtrain.clipping.clipper import Clipper
from asrtrain.clipping.clippy import ClippyConfig
from asrtrain.clipping.interface import ClipReport, ClipRule, ClipRuleConfig, Gradients, LossRule, UpdateReport
from asrtrain.clipping.max_change import MaxChangeConfig
from asrtrain.clipping.measure import measure
from asrtrain.clipping.named_norms import (
    AutoClipConfig,
    DynamicNormConfig,
    EMANormConfig,
    FixedNormConfig,
    LayerNormConfig,
    MedianScaleConfig,
    QuantileNormConfig,
    RandomNormConfig,
    ZClipConfig,
)
from asrtrain.clipping.noise import NoiseConfig
from asrtrain.clipping.none import NoneConfig
from asrtrain.clipping.norm import NormConfig
from asrtrain.clipping.norm_by_group import NormByGroupConfig
from asrtrain.clipping.normalize import NormalizeConfig
from asrtrain.clipping.parts.recurrent import layer_of
from asrtrain.clipping.per_utterance import PerUtteranceConfig
from asrtrain.clipping.recurrent_clip import RecurrentClipConfig, RecurrentZeroConfig
from asrtrain.clipping.sign import SignConfig
from asrtrain.clipping.skip_spike import SkipSpikeConfig
from asrtrain.clipping.smooth_norm import SmoothNormConfig
from asrtrain.clipping.soft_value import SoftValueConfig
from asrtrain.clipping.spam import SpamConfig
from asrtrain.clipping.truncate import TruncateConfig
from asrtrain.clipping.update_rms import UpdateRMSConfig
from asrtrain.clipping.utterance_filter import UtteranceFilterConfig
from asrtrain.clipping.value import ValueConfig
from asrtrain.config import OneOf, read_value
from asrtrain.errors import UsageError

CLIPPERS: dict[str, type[ClipRuleConfig]] = {
    "none": NoneConfig,
    "value": ValueConfig,
    "norm": NormConfig,
    "norm_by_group": NormByGroupConfig,
    "fixed": FixedNormConfig,
    "random": RandomNormConfig,
    "dynamic": DynamicNormConfig,
    "layer": LayerNormConfig,
    "quantile": QuantileNormConfig,
    "autoclip": AutoClipConfig,
    "median_scale": MedianScaleConfig,
    "zclip": ZClipConfig,
    "ema": EMANormConfig,
    "adagc": AdaGCConfig,
    "agc": AGCConfig,
    "smooth_norm": SmoothNormConfig,
    "soft_value": SoftValueConfig,
    "block_rms": BlockRMSConfig,
    "normalize": NormalizeConfig,
    "sign": SignConfig,
    "spam": SpamConfig,
    "truncate": TruncateConfig,
    "truncation": TruncateConfig,
    "centralize": CentralizeConfig,
    "noise": NoiseConfig,
    "skip_spike": SkipSpikeConfig,
    "update_rms": UpdateRMSConfig,
    "clippy": ClippyConfig,
    "max_change": MaxChangeConfig,
    "per_utterance": PerUtteranceConfig,
    "utterance_filter": UtteranceFilterConfig,
    "recurrent_clip": RecurrentClipConfig,
    "recurrent_zero": RecurrentZeroConfig,
}


def _one_is_a_list(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


def _signs_have_no_length(rules: tuple[ClipRuleConfig, ...]) -> tuple[ClipRuleConfig, ...]:
    names = {rule.name for rule in rules}
    if {"sign", "agc"} <= names:
        raise ValueError("sign leaves no lengths for agc to compare with the weights; remove one of the two rules")
    return rules


def _one_is_in_the_loss(rules: tuple[ClipRuleConfig, ...]) -> tuple[ClipRuleConfig, ...]:
    if sum(isinstance(rule.build(0), LossRule) for rule in rules) > 1:
        raise ValueError("two rules limit the gradient of every utterance; the lower threshold holds, remove the other")
    return rules


_Rule = Annotated[ClipRuleConfig, OneOf(CLIPPERS)]
ClippingChoice = Annotated[
    tuple[_Rule, ...],
    Strict(False),
    BeforeValidator(_one_is_a_list, json_schema_input_type=_Rule | list[_Rule]),
    AfterValidator(_signs_have_no_length),
    AfterValidator(_one_is_in_the_loss),
]
"""A configuration field for clipping: one rule, or an ordered list of them."""

_ADAPTER: TypeAdapter[tuple[ClipRuleConfig, ...]] = TypeAdapter(ClippingChoice)


def build_clipper(rules: Mapping[str, Any] | ClipRuleConfig | Sequence[Any], *, seed: int = 0) -> Clipper:
    """Build a clipper from one rule or an ordered list, as written in YAML.

    Raises UsageError: one line for every mistake, with the key.
    """
    return assemble_clipper(read_rules(rules), seed)


def read_rules(rules: object) -> tuple[ClipRuleConfig, ...]:
    """The settings of one rule or of an ordered list, as written in YAML. Raises UsageError as ``build_clipper``."""
    return read_value(_ADAPTER, ClippingChoice, rules, "clipping")


def assemble_clipper(rules: Sequence[ClipRuleConfig], seed: int) -> Clipper:
    """Build a clipper from settings that are read already."""
    return Clipper([(rule.name, rule.build(seed)) for rule in rules], partial(_check, rules))


def _check(rules: Sequence[ClipRuleConfig], names: Sequence[str]) -> None:
    for i, rule in enumerate(rules):
        try:
            rule.check(names)
        except UsageError as error:
            raise UsageError(f"clipping.{i}.{error}") from None


__all__ = [
    "CLIPPERS",
    "ClipReport",
    "ClipRule",
    "ClipRuleConfig",
    "Clipper",
    "ClippingChoice",
    "Gradients",
    "UpdateReport",
    "assemble_clipper",
    "build_clipper",
    "layer_of",
    "measure",
    "read_rules",
]
