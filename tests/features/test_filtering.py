"""Tones beyond a cut-off vanish, tones before it pass; the level of each is stated in dB of the tone's own."""

from __future__ import annotations

import math

import pytest
import torch
from waveforms import RATE, tone

from asrtrain.features.filtering import BandPass, pre_emphasise, pre_emphasise_frames


def gain(low: float | None, high: float | None, hertz: float) -> float:
    """What becomes of a tone (dB), away from its ends."""
    sound = tone(hertz, 1.0)
    middle = slice(2000, 6000)
    filtered = BandPass(RATE, low, high)(sound[None])[0]
    return 20 * math.log10(float(filtered[middle].std() / sound[middle].std()) + 1e-12)


@pytest.mark.parametrize("cutoff", [500.0, 1000.0, 2500.0])
def test_a_low_pass_keeps_what_is_low(cutoff: float) -> None:
    assert gain(None, cutoff, 0.8 * cutoff) == pytest.approx(0, abs=0.1)
    assert gain(None, cutoff, cutoff) == pytest.approx(-6, abs=0.3)
    assert gain(None, cutoff, 1.25 * cutoff) < -40


@pytest.mark.parametrize("cutoff", [60.0, 300.0, 1000.0])
def test_a_high_pass_keeps_what_is_high(cutoff: float) -> None:
    assert gain(cutoff, None, 1.25 * cutoff) == pytest.approx(0, abs=0.1)
    assert gain(cutoff, None, cutoff) == pytest.approx(-6, abs=0.3)
    assert gain(cutoff, None, 0.75 * cutoff) < -40


def test_a_band_pass_keeps_what_lies_between() -> None:
    assert gain(300.0, 3000.0, 1000.0) == pytest.approx(0, abs=0.1)
    assert gain(300.0, 3000.0, 200.0) < -40
    assert gain(300.0, 3000.0, 3700.0) < -40


def test_a_filter_shifts_nothing() -> None:
    click = torch.zeros(1, 4000)
    click[0, 1234] = 1
    for low, high in ((None, 2000.0), (100.0, None), (100.0, 2000.0)):
        assert BandPass(RATE, low, high)(click).argmax() == 1234


def test_pre_emphasis_is_its_formula() -> None:
    sound = torch.randn(2, 100, generator=torch.Generator().manual_seed(0))
    lifted = pre_emphasise(sound, 0.97)
    torch.testing.assert_close(lifted[:, 1:], sound[:, 1:] - 0.97 * sound[:, :-1])
    torch.testing.assert_close(lifted[:, 0], sound[:, 0])
    by_frame = pre_emphasise_frames(sound, 0.97)
    torch.testing.assert_close(by_frame[:, 1:], lifted[:, 1:])
    torch.testing.assert_close(by_frame[:, 0], 0.03 * sound[:, 0])
