"""Thresholds: fixed, scheduled, random or dynamic, chosen by name; a bare number is a fixed one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, Literal, final

import numpy as np
import torch
from pydantic import BeforeValidator, Field, model_validator

from asrtrain.clipping.interface import State
from asrtrain.config import Config, OneOf

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Threshold(ABC):
    """A threshold for every step, as a 0-d float64 tensor."""

    @abstractmethod
    def next(self, norm: torch.Tensor) -> torch.Tensor:
        """The threshold of this step, whose finite norm is ``norm`` (). Called once a step."""

    @abstractmethod
    def state_dict(self) -> State:
        """What must survive a restart."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Take it back, bit for bit."""


class ThresholdConfig(Config, ABC):
    """A threshold's settings."""

    name: str

    @abstractmethod
    def build(self, seed: int) -> Threshold:
        """Build the threshold."""


class FixedConfig(ThresholdConfig):
    """The same threshold at every step: c_t = value."""

    name: Literal["fixed"] = "fixed"
    value: Positive
    """The threshold."""

    def build(self, seed: int) -> Threshold:
        return _Stepped(self)

    def at(self, step: int, seed: int) -> float:
        return self.value


class ScheduledConfig(ThresholdConfig):
    """A threshold that moves from start to end over so many steps, then stays: linearly, or by a constant factor."""

    name: Literal["scheduled"] = "scheduled"
    start: Positive
    """The threshold of the first step."""
    end: Positive
    """The threshold from step ``steps`` on."""
    steps: Annotated[int, Field(gt=0)]
    """How many optimiser steps the way takes."""
    shape: Literal["linear", "exponential"] = "linear"
    """How it moves."""

    def build(self, seed: int) -> Threshold:
        return _Stepped(self)

    def at(self, step: int, seed: int) -> float:
        way = min(step / self.steps, 1.0)
        if self.shape == "linear":
            return self.start + (self.end - self.start) * way
        return float(self.start * (self.end / self.start) ** way)


class RandomConfig(ThresholdConfig):
    """A threshold drawn anew at every step; the draw depends on seed and step alone, so all ranks and resumes agree."""

    name: Literal["random"] = "random"
    low: Positive
    """The smallest threshold (for lognormal: one standard deviation below the median)."""
    high: Positive
    """The largest threshold (for lognormal: one standard deviation above the median)."""
    distribution: Literal["uniform", "loguniform", "lognormal"] = "loguniform"
    """How it is drawn."""

    @model_validator(mode="after")
    def _ordered(self) -> RandomConfig:
        if self.low > self.high:
            raise ValueError(f"low ({self.low}) is above high ({self.high}); swap them")
        return self

    def build(self, seed: int) -> Threshold:
        return _Stepped(self, seed)

    def at(self, step: int, seed: int) -> float:
        # A counter-based generator: the number of a step is found without drawing those before it.
        draw = np.random.Generator(np.random.Philox(key=np.array([seed, step], dtype=np.uint64)))
        if self.distribution == "uniform":
            return float(draw.uniform(self.low, self.high))
        low, high = np.log(self.low), np.log(self.high)
        if self.distribution == "loguniform":
            return float(np.exp(draw.uniform(low, high)))
        return float(np.exp(draw.normal((low + high) / 2, (high - low) / 2)))


class DynamicConfig(ThresholdConfig):
    """A running quantile of the last norms before clipping (AutoClip: Seetharaman et al., 2020): c_t = factor · Q_q."""

    name: Literal["dynamic"] = "dynamic"
    quantile: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Which quantile of the window."""
    window: Annotated[int, Field(gt=1)] = 1000
    """How many norms are remembered."""
    warmup: Annotated[int, Field(ge=1)] = 10
    """Nothing is clipped until so many norms are known."""
    factor: Positive = 1.0
    """Multiplies the quantile."""
    floor: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """The threshold is never below this."""
    ceiling: Positive | None = None
    """The threshold is never above this; null sets no limit."""

    @model_validator(mode="after")
    def _possible(self) -> DynamicConfig:
        if self.warmup > self.window:
            raise ValueError(f"warmup ({self.warmup}) is longer than the window ({self.window}); make it shorter")
        if self.ceiling is not None and self.floor > self.ceiling:
            raise ValueError(f"floor ({self.floor}) is above ceiling ({self.ceiling}); swap them")
        return self

    def build(self, seed: int) -> Threshold:
        return _RunningQuantile(self)


THRESHOLDS: dict[str, type[ThresholdConfig]] = {
    "fixed": FixedConfig,
    "scheduled": ScheduledConfig,
    "random": RandomConfig,
    "dynamic": DynamicConfig,
}


def _number_is_fixed(value: object) -> object:
    return {"name": "fixed", "value": value} if isinstance(value, int | float) else value


_Named = Annotated[ThresholdConfig, OneOf(THRESHOLDS)]
ThresholdChoice = Annotated[_Named, BeforeValidator(_number_is_fixed, json_schema_input_type=Positive | _Named)]
"""A configuration field for a threshold: ``1.0`` or ``{name: dynamic, quantile: 0.9}``."""


@final
class _Stepped(Threshold):
    """A threshold that is a pure function of the step."""

    def __init__(self, config: FixedConfig | ScheduledConfig | RandomConfig, seed: int = 0) -> None:
        self._config, self._seed, self._step = config, seed, 0

    def next(self, norm: torch.Tensor) -> torch.Tensor:
        value = self._config.at(self._step, self._seed)
        self._step += 1
        return torch.tensor(value, dtype=torch.float64, device=norm.device)

    def state_dict(self) -> State:
        return {"step": torch.tensor(self._step)}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        self._step = int(state["step"])


@final
class _RunningQuantile(Threshold):
    """The quantile of a ring of norms: finite ones, as they were before clipping.

    Norms as they are after clipping would let the threshold ratchet down for ever.
    """

    def __init__(self, config: DynamicConfig) -> None:
        self._config = config
        self._ring = torch.full((config.window,), float("nan"), dtype=torch.float64)
        self._seen = 0

    def next(self, norm: torch.Tensor) -> torch.Tensor:
        config = self._config
        self._ring = self._ring.to(norm.device)
        threshold = torch.full_like(norm, float("inf"))
        if self._seen >= config.warmup:
            known = self._ring[: min(self._seen, config.window)]
            threshold = (config.factor * torch.quantile(known, config.quantile)).clamp(config.floor, config.ceiling)
        self._ring[self._seen % config.window] = norm
        self._seen += 1
        return threshold

    def state_dict(self) -> State:
        return {"ring": self._ring.clone(), "seen": torch.tensor(self._seen)}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        self._ring, self._seen = state["ring"].clone(), int(state["seen"])
