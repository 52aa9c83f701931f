"""The matrices that features are made with: mel filterbanks and the cosine transform.

They are torchaudio's to the bit: the same operations of torch in the same order, which must not be changed. So
features, and the runs that were trained on them, do not depend on which torchaudio is installed, or on whether one is.
"""

from __future__ import annotations

import math
from typing import Literal

import torch

from asrtrain.types import Hertz

_LINEAR_STEP = 200.0 / 3
_LOG_BEGIN = 1000.0
_LOG_BEGIN_MEL = _LOG_BEGIN / _LINEAR_STEP
_LOG_STEP = math.log(6.4) / 27.0
"""Slaney's scale: so many Hz a mel up to where its logarithm begins, and the logarithm's step from there."""


def straight_in_hertz(
    bins: int, n_mels: int, sample_rate: Hertz, span: tuple[float, float], scale: Literal["htk", "slaney"]
) -> torch.Tensor:
    """Triangles straight in Hz, from the lower end of ``span`` to the upper: (bins, n_mels).

    They are read off ``bins`` frequencies from 0 to half the sample rate. ``htk``: equally far apart on O'Shaughnessy's
    scale (1987), of height 1. ``slaney``: on that of Slaney's Auditory Toolbox (1998), of equal area. As
    ``torchaudio.functional.melscale_fbanks``.
    """
    frequencies = torch.linspace(0, sample_rate // 2, bins)
    first, last = map(_slaney_mel if scale == "slaney" else _htk_mel, span)
    mels = torch.linspace(first, last, n_mels + 2)
    corners = _slaney_hertz(mels) if scale == "slaney" else 700.0 * (10.0 ** (mels / 2595.0) - 1.0)
    widths = corners[1:] - corners[:-1]
    slopes = corners.unsqueeze(0) - frequencies.unsqueeze(1)
    down = (-1.0 * slopes[:, :-2]) / widths[:-1]
    up = slopes[:, 2:] / widths[1:]
    filters = torch.max(torch.zeros(1), torch.min(down, up))
    if scale == "slaney":
        filters *= (2.0 / (corners[2:] - corners[:n_mels])).unsqueeze(0)
    return filters


def straight_in_mel(bins: int, n_mels: int, sample_rate: Hertz, span: tuple[float, float]) -> torch.Tensor:
    """Kaldi's triangles, straight in mel, from the lower end of ``span`` to the upper: (bins, n_mels).

    They are read off ``bins`` frequencies from 0 to half the sample rate; Kaldi leaves the highest out. As
    ``torchaudio.compliance.kaldi.get_mel_banks``.
    """
    lowest, highest = (1127.0 * math.log(1.0 + frequency / 700.0) for frequency in span)
    step = (highest - lowest) / (n_mels + 1)
    filters = torch.arange(n_mels).unsqueeze(1)
    left, centre, right = lowest + filters * step, lowest + (filters + 1.0) * step, lowest + (filters + 2.0) * step
    frequencies = sample_rate / (2 * (bins - 1)) * torch.arange(float(bins - 1))
    mels = (1127.0 * (1.0 + frequencies / 700.0).log()).unsqueeze(0)
    up = (mels - left) / (centre - left)
    down = (right - mels) / (right - centre)
    rows = torch.max(torch.zeros(1), torch.min(up, down))
    return torch.nn.functional.pad(rows.T, (0, 0, 0, 1))


def cosines(count: int, n_mels: int) -> torch.Tensor:
    """The first ``count`` columns of the orthonormal cosine transform (type II): (n_mels, count).

    As ``torchaudio.functional.create_dct``.
    """
    places = torch.arange(float(n_mels))
    orders = torch.arange(float(count)).unsqueeze(1)
    rows = torch.cos(math.pi / float(n_mels) * (places + 0.5) * orders)
    rows[0] *= 1.0 / math.sqrt(2.0)
    rows *= math.sqrt(2.0 / float(n_mels))
    return rows.t()


def _htk_mel(frequency: float) -> float:
    return 2595.0 * math.log10(1.0 + (frequency / 700.0))


def _slaney_mel(frequency: float) -> float:
    if frequency >= _LOG_BEGIN:
        return _LOG_BEGIN_MEL + math.log(frequency / _LOG_BEGIN) / _LOG_STEP
    return frequency / _LINEAR_STEP


def _slaney_hertz(mels: torch.Tensor) -> torch.Tensor:
    frequencies = 0.0 + _LINEAR_STEP * mels
    above = mels >= _LOG_BEGIN_MEL
    frequencies[above] = _LOG_BEGIN * torch.exp(_LOG_STEP * (mels[above] - _LOG_BEGIN_MEL))
    return frequencies
