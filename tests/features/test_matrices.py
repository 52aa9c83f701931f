"""Filterbanks and the cosine transform are torchaudio's to the bit, whatever is asked of them."""

from __future__ import annotations

import warnings
from itertools import product
from typing import Literal

import pytest
import torch
from libraries import NEEDS, torchaudio

from asrtrain.features.matrices import cosines, straight_in_hertz, straight_in_mel

pytestmark = NEEDS["torchaudio"]

SPANS = [(0.0, 1.0), (20.0, 1.0), (60.0, 0.95), (100.5, 0.5), (999.9, 0.9)]
"""The lowest frequency (Hz), and the highest as a share of half the sample rate."""
SETTINGS = [
    (rate, n_fft, n_mels, (low, high * rate / 2))
    for rate, n_fft, n_mels, (low, high) in product(
        (2999, 8000, 11_025, 16_000, 22_050, 44_100), (254, 256, 400, 1024, 8192), (4, 23, 40, 80, 128), SPANS
    )
    if low < high * rate / 2
]


def same(ours: torch.Tensor, theirs: torch.Tensor) -> bool:
    """To the bit, and laid out alike: products with them are then the same too."""
    return torch.equal(ours.view(torch.int32), theirs.view(torch.int32)) and ours.stride() == theirs.stride()


@pytest.mark.parametrize("scale", ["htk", "slaney"])
def test_triangles_straight_in_hertz_are_torchaudio_s(scale: Literal["htk", "slaney"]) -> None:
    assert torchaudio is not None
    norm = "slaney" if scale == "slaney" else None
    for rate, n_fft, n_mels, span in SETTINGS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of filters that no frequency falls into
            theirs = torchaudio.functional.melscale_fbanks(n_fft // 2 + 1, *span, n_mels, rate, norm, scale)
        assert same(straight_in_hertz(n_fft // 2 + 1, n_mels, rate, span, scale), theirs), (rate, n_fft, n_mels, span)


def test_triangles_straight_in_mel_are_torchaudio_s() -> None:
    from torchaudio.compliance.kaldi import get_mel_banks

    for rate, n_fft, n_mels, span in SETTINGS:
        rows, _ = get_mel_banks(n_mels, n_fft, float(rate), *span, 100.0, -500.0, 1.0)
        theirs = torch.nn.functional.pad(rows.T, (0, 0, 0, 1))
        assert same(straight_in_mel(n_fft // 2 + 1, n_mels, rate, span), theirs), (rate, n_fft, n_mels, span)


def test_cosines_are_torchaudio_s() -> None:
    assert torchaudio is not None
    for count, n_mels in product((1, 2, 12, 13, 20, 40), (4, 23, 24, 40, 80, 128)):
        assert same(cosines(count, n_mels), torchaudio.functional.create_dct(count, n_mels, "ortho")), (count, n_mels)
