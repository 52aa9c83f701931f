"""Cutting silence off both ends of a recording."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field

from asrtrain.config import Config
from asrtrain.features.lengths import real
from asrtrain.types import Hertz

BLOCK = 0.01
"""Seconds over which energy is measured."""


class TrimConfig(Config):
    """Silence at both ends is cut off: blocks of 10 ms whose energy is far below that of the loudest."""

    threshold: Annotated[float, Field(gt=0)] = 40.0
    """How far below the loudest block (dB) is silence."""

    margin: Annotated[float, Field(ge=0)] = 0.05
    """How much of the silence is left at either end (seconds)."""


def trim(
    waveforms: torch.Tensor, lengths: torch.Tensor, sample_rate: Hertz, config: TrimConfig
) -> tuple[torch.Tensor, torch.Tensor]:
    """Waveforms (B, S), zero beyond each length, and lengths (B,) to the same without their silent ends."""
    block = max(1, round(BLOCK * sample_rate))
    count = -(-waveforms.shape[1] // block)
    blocks = torch.nn.functional.pad(waveforms, (0, count * block - waveforms.shape[1])).reshape(-1, count, block)
    energy = blocks.square().sum(2)
    loud = energy > energy.amax(1, keepdim=True) * 10 ** (-config.threshold / 10)
    place = torch.arange(count)
    silent = ~loud.any(1)  # nothing but zeros: left as it is
    margin = round(config.margin * sample_rate)
    first = torch.where(loud, place, count).amin(1) * block - margin
    last = (torch.where(loud, place, -1).amax(1) + 1) * block + margin
    start = torch.where(silent, 0, first.clamp(min=0))
    end = torch.where(silent, lengths, torch.minimum(last, lengths))
    kept = end - start
    index = (start[:, None] + torch.arange(int(kept.max()))).clamp(max=waveforms.shape[1] - 1)
    return waveforms.gather(1, index) * real(kept, index.shape[1]), kept
