"""SpecAugment: blocks of frequency bands and of frames are masked (Park et al., 2019)."""

from __future__ import annotations

from typing import Annotated, final

import torch
from pydantic import Field

from asrtrain.config import Config

Count = Annotated[int, Field(ge=0, le=20)]


class SpecAugmentConfig(Config):
    """Masks bands and frames with zeros, the mean of normalised features."""

    frequency_masks: Count = 2
    """Number of masks over bands."""
    frequency_width: Annotated[int, Field(ge=0)] = 6
    """Each hides up to so many neighbouring bands; statics and deltas of a band are hidden together."""
    time_masks: Count = 2
    """Number of masks over time."""
    time_width: Annotated[int, Field(ge=0)] = 10
    """Each hides up to so many frames,"""
    time_share: Annotated[float, Field(ge=0, le=1)] = 0.2
    """but never more than this share of the utterance."""


@final
class SpecAugment:
    """See SpecAugmentConfig; a frame's features are blocks of ``bands`` each (None: a single block)."""

    def __init__(self, config: SpecAugmentConfig, bands: int | None) -> None:
        self._config = config
        self._bands = bands

    def __call__(self, features: torch.Tensor, lengths: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Mask features (B, T, F) of lengths (B,) frames."""
        config, (count, frames, size) = self._config, features.shape
        bands = self._bands or size
        widths = torch.full((count, 1), float(min(config.frequency_width, bands)))
        hidden = _masks(config.frequency_masks, widths, torch.full((count, 1), bands), bands, generator)
        features = features * ~hidden.repeat(1, size // bands)[:, None]
        widths = (lengths * config.time_share).clamp(max=config.time_width)[:, None]
        hidden = _masks(config.time_masks, widths, lengths[:, None], frames, generator)
        return features * ~hidden[:, :, None]


def _masks(
    masks: int, widths: torch.Tensor, extents: torch.Tensor, size: int, generator: torch.Generator
) -> torch.Tensor:
    """(B, size) bool: True where one of ``masks`` stretches lies, each 0 to ``widths`` (B, 1) long, anywhere within
    ``extents`` (B, 1).
    """
    hidden = torch.zeros(len(widths), size, dtype=torch.bool)
    place = torch.arange(size)
    for _ in range(masks):
        width = (torch.rand(len(widths), 1, generator=generator) * (widths + 1)).floor().clamp(max=widths.floor())
        start = (torch.rand(len(widths), 1, generator=generator) * (extents - width + 1)).floor()
        hidden |= (place >= start) & (place < start + width)
    return hidden
