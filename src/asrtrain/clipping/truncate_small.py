"""Truncating small elements: what lies below the threshold is dropped."""

from __future__ import annotations

import torch

from asrtrain.clipping.interface import ClipRule
from asrtrain.clipping.parts.elementwise import Elementwise
from asrtrain.clipping.parts.limits import Alike
from asrtrain.clipping.parts.scopes import split_by
from asrtrain.clipping.promises import Promise
from asrtrain.clipping.thresholds import FixedConfig

DROPPING = frozenset(
    {Promise.IDEMPOTENT, Promise.JOINT_SCALING, Promise.ZERO, Promise.PARTITION, Promise.HUGE, Promise.NO_SYNC}
)
"""What the rule promises."""


def dropping_small(threshold: float, seed: int) -> ClipRule:
    """g_i ← g_i where |g_i| ≥ c, else 0: large elements stay as they are."""
    return Elementwise(split_by("global"), Alike(FixedConfig(value=threshold).build(seed)), _drop_small)


def _drop_small(gradient: torch.Tensor, limit: torch.Tensor) -> None:
    gradient.mul_(gradient.abs() >= limit)
