"""Random numbers for a batch, one an utterance, as columns that broadcast over samples."""

from __future__ import annotations

import math

import torch


def uniform(count: int, interval: tuple[float, float], generator: torch.Generator) -> torch.Tensor:
    """(count, 1) numbers between the ends of an interval."""
    low, high = interval
    return torch.rand(count, 1, generator=generator) * (high - low) + low


def log_uniform(count: int, interval: tuple[float, float], generator: torch.Generator) -> torch.Tensor:
    """(count, 1) positive numbers whose logarithms are uniform: half as much and twice as much are equally likely."""
    low, high = interval
    return uniform(count, (math.log(low), math.log(high)), generator).exp()


def chosen(count: int, probability: float, generator: torch.Generator) -> torch.Tensor:
    """(count, 1) bool: which utterances an effect befalls."""
    return torch.rand(count, 1, generator=generator) < probability


def decibels(level: torch.Tensor) -> torch.Tensor:
    """A level in dB as a factor on amplitudes."""
    return torch.pow(10.0, level / 20)
