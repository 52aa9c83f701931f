"""Norm clipping under the names of well-known thresholds: g ← g · min(1, c_t / N), only c_t differs."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from asrtrain.clipping.interface import ClipRule, ClipRuleConfig
from asrtrain.clipping.parts.limits import Alike
from asrtrain.clipping.parts.scaled_adam import ScaledAdamClipping
from asrtrain.clipping.parts.scaling import Scaling
from asrtrain.clipping.parts.scopes import Scope, parts_tensors, split_by
from asrtrain.clipping.promises import LEARNED, SHORTENING, Promise
from asrtrain.clipping.thresholds import (
    DynamicConfig,
    EMAConfig,
    FixedConfig,
    MedianConfig,
    Positive,
    RandomConfig,
    ThresholdConfig,
    ZScoreConfig,
)


class FixedNormConfig(ClipRuleConfig):
    """Limit the norm of all gradients by the same number at every step: g ← g · min(1, c / N)."""

    source: ClassVar = "Pascanu, Mikolov and Bengio, 2013"
    cost: ClassVar = "one pass where it clips, none where it does not"
    examples: ClassVar = ({"threshold": 0.5},)

    name: Literal["fixed"] = "fixed"
    threshold: Positive
    """The largest norm."""

    @property
    def promises(self) -> frozenset[Promise]:
        return SHORTENING

    def build(self, seed: int) -> ClipRule:
        return _norm_clipping(FixedConfig(value=self.threshold), "global", seed)


class RandomNormConfig(ClipRuleConfig):
    """Limit the norm of all gradients by a number drawn at every step: g ← g · min(1, c_t / N)."""

    source: ClassVar = "ours; we know of no published one"
    cost: ClassVar = "one pass where it clips, none where it does not"
    examples: ClassVar = ({}, {"threshold": {"low": 0.1, "high": 0.5, "distribution": "lognormal"}})

    name: Literal["random"] = "random"
    threshold: RandomConfig = RandomConfig(low=0.5, high=2.0)
    """How the largest norm is drawn."""

    @property
    def promises(self) -> frozenset[Promise]:
        return SHORTENING - {Promise.JOINT_SCALING, Promise.MONOTONE}

    def build(self, seed: int) -> ClipRule:
        return _norm_clipping(self.threshold, "global", seed)


class DynamicNormConfig(ClipRuleConfig):
    """Limit the norm of all gradients by a quantile of the last norms: g ← g · min(1, Q_q(N_t-w … N_t-1) / N_t).

    QuantileClip (Seetharaman et al., 2020).
    """

    source: ClassVar = "QuantileClip: Seetharaman et al., 2020"
    cost: ClassVar = "one pass where it clips, none where it does not; a quantile of 1000 numbers"
    examples: ClassVar = ({"threshold": {"quantile": 0.5, "window": 8, "warmup": 3}}, {"scope": "tensor"})

    name: Literal["dynamic"] = "dynamic"
    threshold: DynamicConfig = DynamicConfig()
    """Which quantile, of how many norms."""
    scope: Scope = "global"
    """What has a norm and a threshold of its own."""

    @property
    def promises(self) -> frozenset[Promise]:
        return LEARNED

    def build(self, seed: int) -> ClipRule:
        return _norm_clipping(self.threshold, self.scope, seed)


class QuantileNormConfig(ClipRuleConfig):
    """Limit the norm of all gradients by the q-quantile of the last w norms: g ← g · min(1, Q_q(N_t-w … N_t-1) / N_t).

    The same as dynamic, with the keys of its threshold beside the name (QuantileClip: Seetharaman et al., 2020).
    """

    source: ClassVar = "QuantileClip: Seetharaman et al., 2020"
    cost: ClassVar = "one pass where it clips, none where it does not; a quantile of w numbers"
    examples: ClassVar = ({}, {"q": 0.5, "window": 8, "warmup": 3})

    name: Literal["quantile"] = "quantile"
    q: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Which quantile: the share of steps that are left alone."""
    window: Annotated[int, Field(gt=1, le=1_000_000)] = 1000
    """w: how many norms are remembered, as they were before clipping."""
    warmup: Annotated[int, Field(ge=1)] = 10
    """Nothing is clipped until so many norms are known."""
    scope: Scope = "global"
    """What has a norm and a threshold of its own."""

    @model_validator(mode="after")
    def _warmup_fits(self) -> QuantileNormConfig:
        if self.warmup > self.window:
            raise ValueError(f"warmup ({self.warmup}) is longer than the window ({self.window}); make it shorter")
        return self

    @property
    def promises(self) -> frozenset[Promise]:
        return LEARNED

    def build(self, seed: int) -> ClipRule:
        threshold = DynamicConfig(quantile=self.q, window=self.window, warmup=self.warmup)
        return _norm_clipping(threshold, self.scope, seed)


class LayerNormConfig(ClipRuleConfig):
    """Limit the norm N_ℓ of every layer ℓ by the same number: g_ℓ ← g_ℓ · min(1, c / N_ℓ).

    The same as norm with scope: layer; in nn.LSTM and its like, every layer and direction is one.
    """

    source: ClassVar = "Deeplearning4j's ``ClipL2PerLayer``"
    cost: ClassVar = "one pass where it clips, none where it does not"
    examples: ClassVar = ({"threshold": 0.5},)

    name: Literal["layer"] = "layer"
    threshold: Positive
    """c: the largest norm of a layer."""
    scope: Literal["layer"] = "layer"
    """What has a norm of its own."""

    @property
    def promises(self) -> frozenset[Promise]:
        return SHORTENING - {Promise.DIRECTION, Promise.PARTITION}

    def build(self, seed: int) -> ClipRule:
        return _norm_clipping(FixedConfig(value=self.threshold), self.scope, seed)


class AutoClipConfig(ClipRuleConfig):
    """Limit the norm by the 10th percentile of the norms up to this one: g ← g · min(1, Q_0.1(N_t-w … N_t) / N_t).

    Most steps are clipped: it acts as normalisation whose length follows the gradients.
    """

    source: ClassVar = "AutoClip: Seetharaman et al., 2020"
    cost: ClassVar = "one pass where it clips, none where it does not; a quantile of 1000 numbers"
    examples: ClassVar = ({"threshold": {"quantile": 0.1, "warmup": 1, "including": True}},)

    name: Literal["autoclip"] = "autoclip"
    threshold: DynamicConfig = DynamicConfig(quantile=0.1, warmup=1, including=True)
    """Which quantile, of how many norms."""

    @property
    def promises(self) -> frozenset[Promise]:
        return LEARNED

    def build(self, seed: int) -> ClipRule:
        return _norm_clipping(self.threshold, "global", seed)


class MedianScaleConfig(ClipRuleConfig):
    """Limit the norm of all gradients by twice the median of the last hundred: g ← g · min(1, 2 · median / N)."""

    source: ClassVar = "icefall's ScaledAdam: Povey, 2022"
    cost: ClassVar = "one pass where it clips, none where it does not"
    examples: ClassVar = ({}, {"threshold": {"factor": 0.5, "window": 8}}, {"compat": "icefall"})

    name: Literal["median_scale"] = "median_scale"
    threshold: MedianConfig = MedianConfig()
    """Which multiple, of the median of how many norms."""

    compat: Literal["icefall"] | None = None
    """icefall: the bits of ScaledAdam, which weighs gradients by the size of their parameters; null: exact."""

    @model_validator(mode="after")
    def _compat_has_no_bounds(self) -> MedianScaleConfig:
        if self.compat is not None and (self.threshold.floor, self.threshold.ceiling) != (0.0, None):
            raise ValueError("compat: icefall knows no floor and no ceiling; leave them out, or compat")
        return self

    @property
    def promises(self) -> frozenset[Promise]:
        if self.compat is not None:  # what it bounds is not the norm, in single precision, and it looks
            return frozenset({Promise.NO_OP, Promise.SIGNS, Promise.ZERO})
        return LEARNED

    def build(self, seed: int) -> ClipRule:
        if self.compat is not None:
            return ScaledAdamClipping(self.threshold.factor, self.threshold.window)
        return _norm_clipping(self.threshold, "global", seed)


class ZClipConfig(ClipRuleConfig):
    """Bring back norms whose z-score z exceeds z*: g ← g · (μ + σ z*² / z) / N where z = (N - μ) / σ > z*."""

    source: ClassVar = "ZClip: Kumar et al., 2025"
    cost: ClassVar = "one pass where it clips, none where it does not"
    examples: ClassVar = ({}, {"threshold": {"z": 0.5, "warmup": 3}})

    name: Literal["zclip"] = "zclip"
    threshold: ZScoreConfig = ZScoreConfig()
    """How far a norm must stick out."""

    @property
    def promises(self) -> frozenset[Promise]:
        return LEARNED

    def build(self, seed: int) -> ClipRule:
        return _norm_clipping(self.threshold, "global", seed)


class EMANormConfig(ClipRuleConfig):
    """Limit the norm of every tensor by a multiple of its own running mean μ: g ← g · min(1, factor · μ / N)."""

    source: ClassVar = "OLMo: Groeneveld et al., 2024"
    cost: ClassVar = "one pass where it clips, none where it does not"
    examples: ClassVar = ({}, {"threshold": {"factor": 1.0, "warmup": 3}}, {"scope": "global"})

    name: Literal["ema"] = "ema"
    threshold: EMAConfig = EMAConfig()
    """Which multiple, and how the mean runs."""
    scope: Scope = "tensor"
    """What has a norm and a threshold of its own."""

    @property
    def promises(self) -> frozenset[Promise]:
        return LEARNED

    def build(self, seed: int) -> ClipRule:
        return _norm_clipping(self.threshold, self.scope, seed)


def _norm_clipping(threshold: ThresholdConfig, scope: Scope, seed: int) -> ClipRule:
    return Scaling(split_by(scope), Alike(threshold.build(seed)), turns=parts_tensors(scope), takes_shards=True)
