"""One contract for every front end and its options: shapes, padding, independence of the batch, and what tones give."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from libraries import NEEDS
from waveforms import RATE, padded, tone

from asrtrain.errors import CheckpointError, TrainingError
from asrtrain.features import FEATURES
from asrtrain.features import front_end as front_end_module
from asrtrain.features.backends import asrtrain_backend
from asrtrain.features.interface import FrontEnd

OPTIONS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "no normalisation": {"normalise": "none"},
    "mean only": {"normalise": "utterance_mean"},
    "level only": {"normalise": "utterance_level"},
    "centred": {"edges": "center"},
    "reflected": {"edges": "reflect"},
    "deltas": {"deltas": 2},
    "spliced": {"context": [2, 1]},
    "stacked": {"stack": 3, "deltas": 1},
    "subsampled": {"subsample": 2, "context": [0, 1]},
    "stacked and subsampled": {"stack": 2, "subsample": 2},
    "trimmed": {"trim": {"threshold": 30.0, "margin": 0.02}},
    "filtered": {"high_pass": 100.0, "low_pass": 3000.0},
    "dithered": {"dither": 3e-5},
    "kaldi": {"compat": "kaldi", "window": "povey"},
    "longer frames": {"frame_length": 32.0, "frame_shift": 12.5, "n_fft": 300, "window": "hann"},
    "torchaudio": {"backend": "torchaudio"},
    "librosa": {"backend": "librosa"},
}

MEL_OPTIONS: dict[str, dict[str, Any]] = {
    "slaney": {"mel_scale": "slaney", "f_min": 100.0, "f_max": 3800.0, "n_mels": 24},
    "peak floor": {"peak_floor": 50.0, "normalise": "utterance_level"},
    "peak floor, centred": {"peak_floor": 50.0, "edges": "center"},
}

CASES = [(name, option) for name in FEATURES for option in OPTIONS] + [
    (name, option) for name in ("mfcc", "log_mel") for option in MEL_OPTIONS
]


def build(name: str, **options: Any) -> FrontEnd:
    return FEATURES[name].model_validate({"sample_rate": RATE, **options}).build()


def of(case: tuple[str, str]) -> FrontEnd:
    name, option = case
    return build(name, **(OPTIONS | MEL_OPTIONS)[option])


@pytest.fixture(params=[pytest.param(case, id=f"{case[0]}: {case[1]}", marks=NEEDS.get(case[1], ())) for case in CASES])
def front_end(request: pytest.FixtureRequest) -> FrontEnd:
    return of(request.param)


def test_the_contract(front_end: FrontEnd, speech: list[torch.Tensor], request: pytest.FixtureRequest) -> None:
    waveforms, lengths = padded(speech[:8])
    features, frames = front_end(waveforms, lengths)
    assert features.dtype == torch.float32
    assert features.shape == (8, int(frames.max()), front_end.feature_size)
    assert front_end.feature_size % front_end.bands == 0
    assert torch.isfinite(features).all()
    for row, count in zip(features, frames, strict=True):
        assert not row[count:].any()
        assert row[:count].abs().sum(1).min() > 0
    if "trimmed" in request.node.name:
        assert (frames <= front_end.frame_counts(lengths)).all()
    else:
        torch.testing.assert_close(frames, front_end.frame_counts(lengths))
    assert not front_end.needs_fit
    assert front_end.state_dict() == {}


def test_features_do_not_depend_on_the_batch(front_end: FrontEnd, speech: list[torch.Tensor]) -> None:
    """Alone, beside a longer utterance, and with rubbish in the padding: the same to 1e-5 of the features' size."""
    utterance, longest = speech[3], max(speech, key=len)
    alone, [frames] = front_end(*padded([utterance]))
    waveforms, lengths = padded([longest, utterance, speech[5]])
    waveforms[1, len(utterance) :] = 0.9
    together, counts = front_end(waveforms, lengths)
    assert counts[1] == frames
    difference = (together[1, :frames] - alone[0]).abs().max()
    assert difference <= 1e-5 * alone.abs().max()
    assert not together[1, frames:].any()


@pytest.mark.parametrize("case", [(name, "kaldi") for name in FEATURES] + [("mfcc", "trimmed"), ("mfcc", "peak floor")])
@pytest.mark.parametrize(("piece", "block"), [(1, 2_000), (12_000, 2_000), (12_000, 20_000)])
def test_features_do_not_depend_on_what_is_worked_on_at_a_time(
    case: tuple[str, str], piece: int, block: int, speech: list[torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Utterances one by one or several, some frames of one utterance or all of several."""
    front_end, batch = of(case), padded([*speech[:4], speech[4][:900], speech[5][:900]])
    whole, frames = front_end(*batch)
    monkeypatch.setattr(front_end_module, "PIECE", piece)
    monkeypatch.setattr(asrtrain_backend, "BLOCK", block)
    features, counts = front_end(*batch)
    assert torch.equal(counts, frames)
    assert (features - whole).abs().max() <= 1e-5 * whole.abs().max()


@pytest.mark.parametrize(("piece", "block"), [(1, 2_000), (12_000, 2_000), (60_000, 20_000)])
def test_nor_do_stretched_ones(
    piece: int, block: int, speech: list[torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    front_end, batch = of(("mfcc", "kaldi")), padded(speech[:5])
    warps = torch.tensor([0.9, 1.1, 1.0, 0.95, 1.05])
    whole, _ = front_end(*batch, warps=warps)
    monkeypatch.setattr(front_end_module, "PIECE", piece)
    monkeypatch.setattr(asrtrain_backend, "BLOCK", block)
    features, _ = front_end(*batch, warps=warps)
    assert (features - whole).abs().max() <= 1e-5 * whole.abs().max()


def test_nothing_comes_of_the_padding(front_end: FrontEnd, speech: list[torch.Tensor]) -> None:
    waveforms, lengths = padded([speech[0], speech[1][:60], max(speech, key=len)])
    expected, _ = front_end(waveforms, lengths)
    for row, length in zip(waveforms, lengths, strict=True):
        row[length:] = torch.nan
    features, _ = front_end(waveforms, lengths)
    torch.testing.assert_close(features, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


def test_very_short_utterances_give_a_frame(front_end: FrontEnd) -> None:
    features, frames = front_end(*padded([torch.randn(3), tone(500, 0.3)]))
    assert frames[0] >= 1
    assert torch.isfinite(features).all()


def test_silence_gives_finite_features(front_end: FrontEnd) -> None:
    features, _ = front_end(*padded([torch.zeros(2000), torch.zeros(1000)]))
    assert torch.isfinite(features).all()


@pytest.mark.parametrize("hertz", [200.0, 500.0, 1000.0, 2000.0, 3000.0])
def test_a_tone_is_loudest_where_it_is(hertz: float) -> None:
    waveforms, lengths = padded([tone(hertz)])
    spectrum, _ = build("spectrogram", normalise="none", pre_emphasis=0.0)(waveforms, lengths)
    assert (spectrum[0].argmax(1) == round(hertz / RATE * 256)).all()
    mel, _ = build("log_mel", normalise="none", f_min=0.0)(waveforms, lengths)
    centres = 700 * (10 ** (torch.linspace(0, 2146.06, 42)[1:-1] / 2595) - 1)  # 2595·log10(1 + 4000/700) = 2146.06
    assert ((centres[mel[0].argmax(1)] - hertz).abs() < 60).all()


def test_a_tenfold_amplitude_is_twenty_decibels() -> None:
    """Features without normalisation are natural logarithms of power."""
    quiet, _ = build("log_mel", normalise="none", floor=1e-12)(*padded([tone(700, level=0.05)]))
    loud, _ = build("log_mel", normalise="none", floor=1e-12)(*padded([tone(700, level=0.5)]))
    band = int(loud[0, 0].argmax())
    torch.testing.assert_close((loud - quiet)[0, :, band], torch.full((48,), 2 * math.log(10)))


@pytest.mark.parametrize("name", ["mfcc", "log_mel"])
@pytest.mark.parametrize("options", [{"normalise": "utterance"}, {"normalise": "utterance_level", "peak_floor": 50.0}])
def test_loudness_does_not_matter(name: str, options: dict[str, Any], speech: list[torch.Tensor]) -> None:
    front_end = build(name, floor=1e-12, **options)
    loud, _ = front_end(*padded([speech[0]]))
    quiet, _ = front_end(*padded([speech[0] * 0.1]))
    assert (loud - quiet).abs().max() < 2e-2 * loud.abs().max()


def test_dither_is_noise_of_its_level_and_the_same_every_time() -> None:
    front_end = build("mfcc", dither=0.1)
    silence = padded([torch.zeros(4000)])
    torch.testing.assert_close(front_end(*silence)[0], front_end(*silence)[0], rtol=0, atol=0)
    with_energy = build("mfcc", dither=0.1, normalise="none", energy="append", pre_emphasis=0.0, deltas=0)
    level = with_energy(*silence)[0][0, :, -1]
    assert level.mean().exp().item() == pytest.approx(200 * 0.1**2, rel=0.1)


def test_energy_is_that_of_the_frame() -> None:
    sound = padded([tone(500, level=0.4)])
    appended, _ = build("mfcc", normalise="none", deltas=0, pre_emphasis=0.0, energy="append")(*sound)
    replaced, _ = build("mfcc", normalise="none", deltas=0, pre_emphasis=0.0, energy="replace")(*sound)
    plain, _ = build("mfcc", normalise="none", deltas=0, pre_emphasis=0.0)(*sound)
    assert appended[0, 5, -1].exp().item() == pytest.approx(200 * 0.4**2 / 2, rel=1e-3)
    torch.testing.assert_close(appended[:, :, :-1], plain)
    torch.testing.assert_close(replaced[:, :, 0], appended[:, :, -1])
    torch.testing.assert_close(replaced[:, :, 1:], plain[:, :, 1:])


def test_kaldi_s_noise_floor_and_liftering() -> None:
    front_end = build("mfcc", lifter=22.0, normalise="none", deltas=0)
    plain = build("mfcc", normalise="none", deltas=0)
    sound = padded([tone(500)])
    factors = 1 + 11 * torch.sin(torch.pi * torch.arange(13) / 22)
    torch.testing.assert_close(front_end(*sound)[0], plain(*sound)[0] * factors)


@pytest.mark.parametrize(
    "options",
    [{"normalise": "global"}, {"normalise": "speaker"}, {"variance": "global", "normalise": "utterance_mean"}],
)
def test_statistics_are_measured_once_and_kept(options: dict[str, Any], speech: list[torch.Tensor]) -> None:
    front_end = build("mfcc", **options)
    assert front_end.needs_fit
    sound = padded(speech[:6])
    with pytest.raises(TrainingError, match="fit"):
        front_end(*sound)
    speakers = ("a", "b", "a", "b", "a", "b")
    front_end.fit([(*padded(speech[:4]), speakers[:4]), (*padded(speech[4:6]), speakers[4:])])
    features, frames = front_end(*sound, speakers=speakers)
    again = build("mfcc", **options)
    again.load_state_dict({name: value.clone() for name, value in front_end.state_dict().items()})
    torch.testing.assert_close(again(*sound, speakers=speakers)[0], features, rtol=0, atol=0)
    everything = torch.cat([row[:count] for row, count in zip(features, frames, strict=True)])
    assert everything.mean(0).abs().max() < 1e-3
    torch.testing.assert_close(everything.std(0, unbiased=False), torch.ones(39), rtol=0, atol=2e-3)
    with pytest.raises(CheckpointError, match="does not fit"):
        build("mfcc", deltas=0, **options).load_state_dict(front_end.state_dict())
