"""Silence goes, speech stays."""

from __future__ import annotations

import pytest
import torch
from waveforms import RATE, padded, tone

from asrtrain.features.trimming import trim


def between_silences(before: float, speech: float, after: float, noise: float = 0.0) -> torch.Tensor:
    silence = [torch.zeros(round(RATE * seconds)) for seconds in (before, after)]
    sound = torch.cat([silence[0], tone(300, speech), silence[1]])
    return sound + noise * torch.randn(len(sound), generator=torch.Generator().manual_seed(0))


def trimmed(waveforms: list[torch.Tensor], threshold: float, margin: float) -> list[torch.Tensor]:
    batch, lengths = padded(waveforms)
    kept, counts = trim(batch, lengths, RATE, torch.full((len(waveforms), 1), threshold), margin)
    for row, count in zip(kept, counts, strict=True):
        assert not row[count:].any()
    return [row[:count] for row, count in zip(kept, counts, strict=True)]


@pytest.mark.parametrize("margin", [0.0, 0.05])
def test_what_is_left_is_speech_and_a_margin(margin: float) -> None:
    sounds = [between_silences(0.3, 0.5, 0.2, 1e-4), between_silences(0.1, 0.2, 0.6, 1e-4), between_silences(0, 0.4, 0)]
    for result, seconds, edges in zip(trimmed(sounds, 40, margin), (0.5, 0.2, 0.4), (2, 2, 0), strict=True):
        assert len(result) / RATE == pytest.approx(seconds + edges * margin, abs=0.021)


def test_the_threshold_is_in_decibels() -> None:
    """A tail 30 dB below the loudest stays at 35 dB and goes at 25 dB."""
    sound = torch.cat([tone(300, 0.2), tone(300, 0.2, level=0.5 * 10 ** (-30 / 20))])
    assert len(trimmed([sound], 35, 0.0)[0]) == len(sound)
    assert len(trimmed([sound], 25, 0.0)[0]) == len(sound) // 2


def test_silence_alone_is_left_as_it_is() -> None:
    silence, other = trimmed([torch.zeros(1000), tone(300)], 40, 0.0)
    assert len(silence) == 1000
    assert len(other) == 4000


def test_speech_is_not_cut(speech: list[torch.Tensor]) -> None:
    """What is cut off real recordings holds less than a thousandth of their energy."""
    for whole, kept in zip(speech, trimmed(speech, 40, 0.05), strict=True):
        assert kept.square().sum() > 0.999 * whole.square().sum()
        assert len(kept) <= len(whole)
