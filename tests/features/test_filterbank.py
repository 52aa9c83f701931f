"""Filterbanks as they are, and warped ones, which move every frequency where the formula says."""

from __future__ import annotations

import pytest
import torch
from libraries import OTHER_BACK_ENDS
from waveforms import RATE, padded, tone

from asrtrain.errors import UsageError
from asrtrain.features.filterbank import BOUNDARY, BandedProduct, Filterbank, MelScale, empty_filter, for_squared_parts
from asrtrain.features.log_mel import LogMelConfig
from asrtrain.features.spectrogram import SpectrogramConfig

SCALES = ("htk", "slaney", "kaldi")


def bank(mel_scale: MelScale = "htk", n_mels: int = 40) -> Filterbank:
    return Filterbank(n_mels, 256, RATE, 20.0, 4000.0, mel_scale)


@pytest.mark.parametrize("mel_scale", SCALES)
def test_no_warp_is_no_change(mel_scale: MelScale) -> None:
    filters = bank(mel_scale)
    torch.testing.assert_close(filters.matrix(1 + 1e-7), filters.matrix(), rtol=0, atol=1e-4)
    banks = filters.warped(0.9, 1.1)
    assert banks.shape == (21, 129, 40)
    torch.testing.assert_close(banks[10], filters.matrix(), rtol=0, atol=0)


@pytest.mark.parametrize("mel_scale", SCALES)
@pytest.mark.parametrize("warp", [0.8, 0.93, 1.07, 1.2])
def test_a_warp_moves_the_centres_of_filters(mel_scale: MelScale, warp: float) -> None:
    """The centre of each filter below the boundary moves from f to warp·f, to a third of a bin."""
    filters = bank(mel_scale)
    bins = torch.arange(129.0)[:, None]
    before, after = ((m * bins).sum(0) / m.sum(0) for m in (filters.matrix(), filters.matrix(warp)))
    low = (before * max(warp, 1) < 0.85 * BOUNDARY * 128) & (before > 4)
    assert low.sum() > 15
    assert (after[low] - warp * before[low]).abs().max() < 0.35


@pytest.mark.parametrize("warp", [0.7, 0.9, 1.1, 1.4])
def test_the_ends_of_the_axis_stay(warp: float) -> None:
    whole = Filterbank(40, 256, RATE, 0.0, 4000.0, "htk").matrix(warp)
    assert not whole[0].any()
    assert not whole[-1].any()
    assert whole.min() >= 0
    assert (whole[1:-1].sum(1) > 0).all()  # nothing in between is lost


def test_every_utterance_has_its_own_warp(speech: list[torch.Tensor]) -> None:
    front_end = LogMelConfig(sample_rate=RATE, normalise="none").build()
    sound = padded(speech[:3])
    plain, _ = front_end(*sound)
    warped, frames = front_end(*sound, warps=torch.tensor([1.0, 1.2, 0.85]))
    torch.testing.assert_close(warped[0], plain[0], rtol=0, atol=1e-4)
    for row, warp in ((1, 1.2), (2, 0.85)):
        alone, _ = front_end(*padded([speech[row]]), warps=torch.tensor([warp]))
        torch.testing.assert_close(warped[row, : frames[row]], alone[0], rtol=0, atol=1e-4)
        assert (warped[row] - plain[row]).abs().max() > 0.1


@pytest.mark.parametrize("warp", [0.8, 1.25])
def test_a_warped_tone_sounds_like_another_tone(warp: float) -> None:
    """A filter that moves up hears what was lower before: a tone of f warped by α looks like one of f/α."""
    front_end = LogMelConfig(sample_rate=RATE, normalise="none", pre_emphasis=0.0).build()
    warped, _ = front_end(*padded([tone(1000.0)]), warps=torch.tensor([warp]))
    expected, _ = front_end(*padded([tone(1000.0 / warp)]))
    assert (warped[0, 5].argmax() - expected[0, 5].argmax()).abs() <= 1


@pytest.mark.parametrize("backend", OTHER_BACK_ENDS)
def test_other_back_ends_cannot_warp(backend: str) -> None:
    front_end = LogMelConfig.model_validate({"sample_rate": RATE, "backend": backend}).build()
    with pytest.raises(UsageError, match=r"vtlp needs features.backend: asrtrain"):
        front_end(*padded([tone(500)]), warps=torch.tensor([1.1]))


def test_a_spectrogram_has_no_filters_to_warp() -> None:
    with pytest.raises(UsageError, match=r"augmentation\.vtlp moves mel filters"):
        SpectrogramConfig(sample_rate=RATE).build()(*padded([tone(500)]), warps=torch.tensor([1.1]))


def test_filters_that_hear_nothing_are_found() -> None:
    assert empty_filter(bank(n_mels=40)) is None
    assert empty_filter(bank(n_mels=120)) is not None


@pytest.mark.parametrize("mel_scale", SCALES)
@pytest.mark.parametrize("n_mels", [23, 24, 40])
def test_the_banded_product_is_the_product(mel_scale: MelScale, n_mels: int) -> None:
    filters = bank(mel_scale, n_mels).matrix()
    power, energies = torch.rand(7, 129), torch.empty(7, n_mels)
    BandedProduct(filters)(power, energies)
    torch.testing.assert_close(energies, power @ filters)


def test_filters_for_squared_parts_add_them_up() -> None:
    filters, parts = bank().matrix(), torch.rand(7, 129, 2)
    torch.testing.assert_close(parts.flatten(1) @ for_squared_parts(filters), parts.sum(2) @ filters)
    torch.testing.assert_close(for_squared_parts(filters.expand(3, -1, -1))[1], for_squared_parts(filters))
