"""Thresholds: fixed, scheduled, random or learned, chosen by name; a bare number is a fixed one."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator

from asrtrain.clipping.thresholds.dynamic import DynamicConfig
from asrtrain.clipping.thresholds.ema import EMAConfig
from asrtrain.clipping.thresholds.fixed import FixedConfig
from asrtrain.clipping.thresholds.interface import Positive, Threshold, ThresholdConfig
from asrtrain.clipping.thresholds.median import MedianConfig
from asrtrain.clipping.thresholds.random import RandomConfig
from asrtrain.clipping.thresholds.scheduled import ScheduledConfig
from asrtrain.clipping.thresholds.zscore import ZScoreConfig
from asrtrain.config import OneOf

THRESHOLDS: dict[str, type[ThresholdConfig]] = {
    "fixed": FixedConfig,
    "scheduled": ScheduledConfig,
    "random": RandomConfig,
    "dynamic": DynamicConfig,
    "median": MedianConfig,
    "ema": EMAConfig,
    "zscore": ZScoreConfig,
}


def _number_is_fixed(value: object) -> object:
    return {"name": "fixed", "value": value} if isinstance(value, int | float) else value


_Named = Annotated[ThresholdConfig, OneOf(THRESHOLDS)]
ThresholdChoice = Annotated[_Named, BeforeValidator(_number_is_fixed, json_schema_input_type=Positive | _Named)]
"""A configuration field for a threshold: ``1.0`` or ``{name: dynamic, quantile: 0.9}``."""

__all__ = [
    "THRESHOLDS",
    "DynamicConfig",
    "EMAConfig",
    "FixedConfig",
    "MedianConfig",
    "Positive",
    "RandomConfig",
    "ScheduledConfig",
    "Threshold",
    "ThresholdChoice",
    "ThresholdConfig",
    "ZScoreConfig",
]
