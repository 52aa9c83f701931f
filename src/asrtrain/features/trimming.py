"""Cutting silence off both ends of a recording."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch.nn import functional

from asrtrain.config import Config
from asrtrain.features.lengths import real
from asrtrain.types import Hertz, Seconds

BLOCK: Seconds = 0.01
"""Time over which energy is measured."""


class TrimConfig(Config):
    """Silence at both ends is cut off: blocks of 10 ms whose energy is far below that of the loudest."""

    threshold: Annotated[float, Field(gt=0)] = 40.0
    """How far below the loudest block (dB) is silence."""

    margin: Annotated[float, Field(ge=0)] = 0.05
    """How much of the silence is left at either end (seconds)."""


def trim(
    waveforms: torch.Tensor, lengths: torch.Tensor, sample_rate: Hertz, threshold: torch.Tensor, margin: Seconds
) -> tuple[torch.Tensor, torch.Tensor]:
    """Waveforms (B, S), zero beyond each length, and lengths (B,) to the same without their silent ends."""
    start, end = bounds(waveforms, lengths, sample_rate, threshold, margin)
    index = (start[:, None] + torch.arange(int((end - start).max()))).clamp(max=waveforms.shape[1] - 1)
    return waveforms.gather(1, index) * real(end - start, index.shape[1]), end - start


def bounds(
    waveforms: torch.Tensor, lengths: torch.Tensor, sample_rate: Hertz, threshold: torch.Tensor, margin: Seconds
) -> tuple[torch.Tensor, torch.Tensor]:
    """The first sample (B,) that is kept, and the one after the last.

    Silent is what lies more than ``threshold`` (B, 1) decibels below the loudest block of 10 ms.
    """
    block = max(1, round(BLOCK * sample_rate))
    count = -(-waveforms.shape[1] // block)
    blocks = functional.pad(waveforms, (0, count * block - waveforms.shape[1])).reshape(-1, count, block)
    energy = blocks.square().sum(2)
    loud = energy >= energy.amax(1, keepdim=True) * torch.pow(10.0, -threshold / 10)
    place = torch.arange(count)
    kept = round(margin * sample_rate)
    start = (torch.where(loud, place, count).amin(1) * block - kept).clamp(min=0)
    end = torch.minimum((torch.where(loud, place, -1).amax(1) + 1) * block + kept, lengths)
    return start, end
