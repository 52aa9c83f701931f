"""One contract for every effect, and what each does to sounds that have one right answer."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from pydantic import ValidationError
from waveforms import RATE, padded, tone

from asrtrain.data.audio import read_audio
from asrtrain.errors import DataError, UsageError
from asrtrain.features.augmentation import AugmentationConfig
from asrtrain.features.augmentation.spectral import fast_size

EFFECTS = [name for name in AugmentationConfig.model_fields if name not in ("vtlp", "spec_augment")]
Batch = tuple[torch.Tensor, torch.Tensor]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def augmented(batch: Batch, seed: int = 0, **effects: Any) -> Batch:
    return AugmentationConfig.model_validate(effects).build(RATE).waveforms(*batch, generator(seed))


def level(sound: torch.Tensor) -> float:
    """Root mean square in dB."""
    return 10 * math.log10(float(sound.square().mean()) + 1e-20)


def many(sound: torch.Tensor, count: int = 200) -> Batch:
    return padded([sound] * count)


# --- the contract


@pytest.mark.parametrize("effect", EFFECTS)
def test_effects_are_reproducible_and_stay_within_lengths(effect: str, speech: list[torch.Tensor]) -> None:
    batch = padded(speech)
    before = batch[0].clone()
    options = {effect: {"probability": 1.0}}
    waveforms, lengths = augmented(batch, **options)
    again, counts = augmented(batch, **options)
    torch.testing.assert_close(again, waveforms, rtol=0, atol=0)
    torch.testing.assert_close(counts, lengths, rtol=0, atol=0)
    torch.testing.assert_close(batch[0], before, rtol=0, atol=0)
    assert not torch.equal(augmented(batch, seed=1, **options)[0], waveforms)
    assert waveforms.dtype == torch.float32
    assert torch.isfinite(waveforms).all()
    assert lengths.min() > 0
    assert waveforms.shape[1] >= lengths.max()
    for row, length in zip(waveforms, lengths, strict=True):
        assert not row[length:].any()


@pytest.mark.parametrize("effect", EFFECTS)
def test_an_effect_of_no_probability_is_none(effect: str, speech: list[torch.Tensor]) -> None:
    waveforms, lengths = padded(speech)
    same, counts = augmented((waveforms, lengths), **{effect: {"probability": 0.0}})
    torch.testing.assert_close(counts, lengths)
    torch.testing.assert_close(same[:, : waveforms.shape[1]], waveforms, rtol=0, atol=1e-6)


@pytest.mark.parametrize("effect", EFFECTS)
def test_silence_stays_finite(effect: str) -> None:
    waveforms, _ = augmented(padded([torch.zeros(500), torch.zeros(3)]), **{effect: {}})
    assert torch.isfinite(waveforms).all()


def test_all_effects_together(speech: list[torch.Tensor]) -> None:
    everything: dict[str, Any] = {name: {} for name in AugmentationConfig.model_fields}
    augmentation = AugmentationConfig.model_validate(everything).build(RATE, bands=13)
    assert augmentation.changes_waveforms
    waveforms, lengths = augmentation.waveforms(*padded(speech), generator())
    assert torch.isfinite(waveforms).all()
    assert len(lengths) == len(speech)


# --- each effect


def test_nothing_is_the_default(speech: list[torch.Tensor]) -> None:
    augmentation = AugmentationConfig().build(RATE)
    batch = padded(speech)
    assert not augmentation.changes_waveforms
    assert augmentation.waveforms(*batch, generator())[0] is batch[0]
    assert augmentation.warps(3, generator()) is None
    assert augmentation.features(*batch, generator()) is batch[0]


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.3])
@pytest.mark.parametrize(("hertz", "tolerance"), [(300.0, -60), (1000.0, -40)])
def test_speed_turns_a_tone_into_another(factor: float, hertz: float, tolerance: float) -> None:
    """A tone of f played at r is one of f·r, 1/r times as long; the error is stated in dB of the tone."""
    waveforms, [length] = augmented(padded([tone(hertz, 1.0)]), speed=[factor, factor])
    assert length / RATE == pytest.approx(1 / factor, abs=1e-3)
    error = waveforms[0, 10 : length - 10] - tone(hertz * factor, 2.0)[10 : length - 10]
    assert level(error) - level(tone(hertz)) < tolerance


def test_speeds_are_spread_over_their_interval() -> None:
    _, lengths = augmented(many(tone(300, 1.0)), speed={"range": [0.8, 1.25], "probability": 0.5})
    factors = RATE / lengths
    assert (lengths == RATE).float().mean().item() == pytest.approx(0.5, abs=0.1)
    assert factors.min() == pytest.approx(0.8, abs=0.02)
    assert factors.max() == pytest.approx(1.25, abs=0.02)


def test_shift_pads_and_crops_each_end() -> None:
    sound = torch.arange(1.0, 4001)
    waveforms, lengths = augmented(many(sound), shift={"pad": 0.1, "crop": 0.05})
    starts = []
    for row, length in zip(waveforms, lengths, strict=True):
        heard = row[:length].nonzero()[:, 0]
        inside = row[heard[0] : heard[-1] + 1]
        torch.testing.assert_close(inside[1:] - inside[:-1], torch.ones(len(inside) - 1))  # a stretch of the sound
        starts.append(float(heard[0]) if heard[0] else 1 - float(inside[0]))
    assert -400 <= min(starts) < -350 + 50
    assert 750 < max(starts) <= 800
    assert 4000 - 800 <= lengths.min() < lengths.max() <= 4000 + 1600


def test_a_short_utterance_is_not_cropped_away() -> None:
    _, lengths = augmented(many(torch.ones(1000)), shift={"pad": 0.0, "crop": 1.0, "max_share": 0.2})
    assert lengths.min() >= 600


def test_trim_cuts_more_and_less() -> None:
    fading = tone(300, 0.5) * torch.linspace(0, -60, 4000).div(20).mul(math.log(10)).exp()
    _, lengths = augmented(many(fading), trim={"threshold": [15, 45], "probability": 1.0})
    # 60 dB in 0.5 s: a threshold of 15 dB is reached after 0.125 s, one of 45 dB after 0.375 s, give or take a block
    assert lengths.min() / RATE == pytest.approx(0.125, abs=0.03)
    assert lengths.max() / RATE == pytest.approx(0.375, abs=0.03)


def test_equaliser_tilts() -> None:
    """The gain of a tone two octaves from 1 kHz lies within ± 2·tilt dB, is spread there, and is 0 at 1 kHz."""
    for hertz, octaves in ((1000.0, 0.0), (250.0, 2.0), (2000.0, 1.0)):
        sound = tone(hertz, 0.5)
        waveforms, _ = augmented(many(sound), equaliser={"tilt": 6.0, "waves": 0.0})
        gains = torch.tensor([level(row[1000:3000]) - level(sound[1000:3000]) for row in waveforms])
        assert gains.abs().max() <= 6 * octaves + 0.5
        assert gains.abs().max() >= 0.9 * 6 * octaves


def test_equaliser_passes_bands() -> None:
    for hertz, options in ((3800.0, {"low_pass": [1000, 1000]}), (100.0, {"high_pass": [400, 400]})):
        sound = tone(hertz, 0.5)
        settings = {"tilt": 0.0, "waves": 0.0, "pass_probability": 1.0, **options}
        waveforms, _ = augmented(padded([sound]), equaliser=settings)
        order, ratio = (4, hertz / 1000) if "low_pass" in options else (2, 400 / hertz)
        expected = -10 * math.log10(1 + ratio ** (2 * order))
        assert level(waveforms[0, 1000:3000]) - level(sound[1000:3000]) == pytest.approx(expected, abs=1.0)


def test_equaliser_waves_have_their_deviation() -> None:
    sound = tone(700, 0.5)
    waveforms, _ = augmented(many(sound), equaliser={"tilt": 0.0, "waves": 4.0})
    gains = torch.tensor([level(row[1000:3000]) - level(sound[1000:3000]) for row in waveforms])
    assert gains.mean().abs() < 1.0
    assert 2.0 < gains.std() < 4.5  # between knots, interpolation averages two of them


def test_reverberation_dies_away_as_its_decay_time_says() -> None:
    """The response of a click: 1 at once, then noise 60 dB lower after the decay time, of the energy asked for."""
    click = torch.zeros(8000)
    click[0] = 1
    options = {"probability": 1.0, "decay": [0.4, 0.4], "direct": [6.0, 6.0]}
    waveforms, _ = augmented(many(click), reverberation=options)
    tail = waveforms[:, 1:].square().mean(0)
    assert waveforms[:, 0].mean() == pytest.approx(1.0, abs=0.05)
    assert 10 * math.log10(float(tail.sum())) == pytest.approx(-6.0, abs=0.3)
    fallen = 10 * torch.log10(tail[1500:1600].mean() / tail[:100].mean())
    assert fallen.item() == pytest.approx(-60 * 1500 / (0.4 * RATE), abs=1.5)
    assert not tail[round(0.2 * RATE) + 10 :].gt(1e-9).any()


@pytest.mark.parametrize("snr", [0.0, 20.0])
def test_noise_has_its_level(snr: float, speech: list[torch.Tensor]) -> None:
    waveforms, lengths = padded(speech)
    noisy, _ = augmented((waveforms, lengths), noise={"snr": [snr, snr], "probability": 1.0})
    for clean, row, length in zip(waveforms, noisy, lengths, strict=True):
        assert level(clean[:length]) - level((row - clean)[:length]) == pytest.approx(snr, abs=0.01)


@pytest.mark.parametrize(("colour", "slope"), [(0.0, 0.0), (1.0, -3.01), (2.0, -6.02), (-1.0, 3.01)])
def test_noise_has_its_colour(colour: float, slope: float) -> None:
    """Power an octave, measured between 250 Hz and 2 kHz."""
    sound = tone(100, 1.0)
    noisy, _ = augmented(
        many(sound, 50), noise={"snr": [0, 0], "probability": 1.0, "colour": [colour] * 2, "waves": 0.0}
    )
    power = torch.fft.rfft(noisy - sound).abs().square().mean(0)
    low, high = power[240:260].mean(), power[1990:2010].mean()
    assert 10 * math.log10(float(high / low)) / 3 == pytest.approx(slope, abs=0.4)


def test_saturation_cuts_peaks() -> None:
    waveforms, _ = augmented(many(tone(300, level=0.8)), saturation={"probability": 1.0, "level": [0.25, 0.5]})
    peaks = waveforms.abs().amax(1)
    assert 0.2 <= peaks.min() < 0.22
    assert 0.38 < peaks.max() <= 0.4


def test_volume_is_in_decibels() -> None:
    sound = tone(300)
    waveforms, _ = augmented(many(sound), volume={"gain": [-6, 12]})
    gains = torch.tensor([level(row) - level(sound) for row in waveforms])
    assert -6 <= gains.min() < -5
    assert 11 < gains.max() <= 12.01


def test_vtlp_draws_factors_for_the_front_end() -> None:
    augmentation = AugmentationConfig.model_validate({"vtlp": {"range": [0.85, 1.2], "probability": 0.7}}).build(RATE)
    assert augmentation.changes_waveforms  # features cannot be cached
    warps = augmentation.warps(500, generator())
    assert warps is not None
    assert warps.shape == (500,)
    assert (warps == 1).float().mean().item() == pytest.approx(0.3, abs=0.06)
    assert 0.85 <= warps.min() < 0.86
    assert 1.19 < warps.max() <= 1.2


# --- recorded noise and rooms


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    (tmp_path / "below").mkdir()
    for name, hertz in (("a.wav", 1000.0), ("below/b.flac", 2000.0)):
        soundfile.write(tmp_path / name, tone(hertz, 0.3).numpy(), RATE)
    (tmp_path / "notes.txt").write_text("no sound")
    return tmp_path


def test_recorded_noise_is_taken_from_the_folder(recordings: Path) -> None:
    config = AugmentationConfig.model_validate(
        {"noise": {"folder": str(recordings), "snr": [0, 0], "probability": 1.0}}
    )
    noisy, _ = config.build(RATE, read_audio=read_audio).waveforms(*many(tone(300, 1.0), 20), generator())
    power = torch.fft.rfft(noisy - tone(300, 1.0)).abs().square().mean(0)
    assert power[[1000, 2000]].min() > 100 * power[500:900].max()


def test_measured_rooms_are_taken_from_the_folder(tmp_path: Path) -> None:
    response = np.zeros(400, np.float32)
    response[[50, 150]] = [0.8, -0.4]  # the direct sound after 50 samples, one echo 100 samples later
    soundfile.write(tmp_path / "room.wav", response, RATE, subtype="FLOAT")
    config = AugmentationConfig.model_validate({"reverberation": {"folder": str(tmp_path), "probability": 1.0}})
    sound = torch.randn(1000, generator=generator())
    heard, _ = config.build(RATE, read_audio=read_audio).waveforms(*padded([sound]), generator())
    echo = torch.cat([torch.zeros(100), sound[:-100]])
    torch.testing.assert_close(heard[0], sound - 0.5 * echo, rtol=0, atol=1e-5)


def test_folders_that_cannot_be_used(tmp_path: Path, recordings: Path) -> None:
    def build(folder: Path, reader: Any = read_audio) -> None:
        AugmentationConfig.model_validate({"noise": {"folder": str(folder)}}).build(RATE, read_audio=reader)

    with pytest.raises(DataError, match="no such folder"):
        build(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no recordings in it"):
        build(tmp_path / "empty")
    with pytest.raises(UsageError, match="nothing was given to read recordings with"):
        build(recordings, None)
    (recordings / "c.wav").write_text("no sound either")
    with pytest.raises(DataError, match=r"c\.wav"):
        build(recordings)


# --- settings


def test_a_range_alone_will_do() -> None:
    short = AugmentationConfig.model_validate({"speed": [0.9, 1.1], "vtlp": [0.8, 1.2]})
    assert short == AugmentationConfig.model_validate({"speed": {"range": [0.9, 1.1]}, "vtlp": {"range": [0.8, 1.2]}})
    assert AugmentationConfig.model_validate(short.model_dump(mode="json")) == short


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"speed": [1.1, 0.9]}, "ends before it begins"),
        ({"speed": [0.0, 1.1]}, "between 0.25 and 4"),
        ({"speed": {"factor": 2}}, "Extra inputs"),
        ({"vtlp": [0.5, 1.1]}, "between 0.7 and 1.4"),
        ({"reverberation": {"decay": [0.0, 0.5]}}, "decay must lie between"),
        ({"saturation": {"level": [0.0, 0.5]}}, "level must lie between"),
        ({"equaliser": {"low_pass": [0.0, 3000.0]}}, "above 0"),
        ({"noise": {"probability": 1.5}}, "less than or equal to 1"),
        ({"shift": {"max_share": 0.5}}, "less than 0.5"),
        ({"spec_augment": {"time_masks": -1}}, "greater than or equal to 0"),
        ({"mixup": {}}, "Extra inputs"),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        AugmentationConfig.model_validate(options)


def test_every_key_is_explained() -> None:
    assert AugmentationConfig.descriptions().keys() == AugmentationConfig.model_fields.keys()
    for effect in AugmentationConfig.model_fields:
        config: Any = AugmentationConfig.model_validate({effect: {}})
        inner = type(getattr(config, effect))
        assert inner.descriptions().keys() == inner.model_fields.keys(), effect


@pytest.mark.parametrize("samples", [*range(1, 40), 1000, 4097, 5000, 12345])
def test_fast_sizes_hold_what_they_have_to(samples: int) -> None:
    size = fast_size(samples)
    assert samples <= size <= max(8, 1.26 * samples)
    assert size % 2 == 0 or size in (9, 15)
    for prime in (2, 3, 5):
        while size % prime == 0:
            size //= prime
    assert size == 1


def test_an_envelope_fades_by_what_it_is_told(speech: list[torch.Tensor]) -> None:
    sound = tone(1000, 1.0)
    options = {"probability": 1.0, "fade_out": [20, 20], "fade_out_span": [0.5, 0.5], "fade_in": [0, 0], "wobble": 0}
    (faded,), _ = augmented(padded([sound]), envelope=options)
    tenth = len(sound) // 10
    assert level(faded[: 4 * tenth]) == pytest.approx(level(sound[: 4 * tenth]), abs=0.1)
    assert level(faded[-tenth // 10 :]) == pytest.approx(level(sound[-tenth // 10 :]) - 20, abs=0.5)
    risen = {**options, "fade_out": [0, 0], "fade_in": [12, 12], "fade_in_span": [0.2, 0.2]}
    (faded,), _ = augmented(padded([sound]), envelope=risen)
    assert level(faded[: tenth // 10]) == pytest.approx(level(sound[: tenth // 10]) - 12, abs=0.8)
    assert level(faded[3 * tenth :]) == pytest.approx(level(sound[3 * tenth :]), abs=0.1)


def test_a_wobble_has_its_strength() -> None:
    batch = many(torch.ones(2000), 400)
    waveforms, _ = augmented(batch, envelope={"probability": 1.0, "fade_out": [0, 0], "fade_in": [0, 0], "wobble": 3.0})
    knots = 20 * waveforms[:, [0, -1]].log10()
    assert float(knots.std()) == pytest.approx(3.0, rel=0.1)
