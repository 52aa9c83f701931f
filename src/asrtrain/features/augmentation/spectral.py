"""Multiplying spectra: how the equaliser, reverberation and coloured noise shape sound."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch.nn import functional

from asrtrain.types import Hertz

POINTS = 64
"""Curves over frequency are drawn at so many points, equally far apart in octaves."""

LOWEST = 62.5
"""Hz; below it curves are level. From here to half the sample rate is 6 octaves at 8 kHz."""


def fast_size(samples: int) -> int:
    """The least size of a Fourier transform, of no prime factor above 5, that holds so many samples."""
    return min(m << max(0, -(-samples // m) - 1).bit_length() for m in (8, 9, 10, 12, 15))


def octaves(sample_rate: Hertz) -> torch.Tensor:
    """(POINTS,): where the points lie, in octaves above 1 kHz."""
    ends = torch.tensor([LOWEST, sample_rate / 2]).div(1000).log2().tolist()
    return torch.linspace(ends[0], ends[1], POINTS)


def wavy(count: int, knots: int, generator: torch.Generator) -> torch.Tensor:
    """(count, POINTS) smooth random curves, straight between ``knots`` normal numbers."""
    drawn = torch.randn(count, 1, knots, generator=generator)
    return functional.interpolate(drawn, size=POINTS, mode="linear", align_corners=True)[:, 0]


def at_bins(curves: torch.Tensor, size: int, sample_rate: Hertz) -> torch.Tensor:
    """Curves (B, POINTS) read off at the bins of a real Fourier transform: (B, size/2 + 1)."""
    return curves @ _interpolation(size, sample_rate)


@lru_cache(maxsize=64)
def _interpolation(size: int, sample_rate: Hertz) -> torch.Tensor:
    """(POINTS, size/2 + 1) weights of linear interpolation."""
    frequency = torch.fft.rfftfreq(size, 1 / sample_rate).clamp(min=LOWEST)
    points = octaves(sample_rate)
    place = ((frequency / 1000).log2() - points[0]) / (points[-1] - points[0]) * (POINTS - 1)
    low = place.floor().clamp(0, POINTS - 2).long()
    share = (place - low).clamp(0, 1)
    bins = torch.arange(len(frequency))
    weights = torch.zeros(POINTS, len(frequency))
    weights[low, bins] = 1 - share
    weights[low + 1, bins] = share
    return weights
