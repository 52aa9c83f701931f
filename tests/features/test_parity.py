"""The same numbers as the libraries that everybody trusts; each tolerance is stated where it is used.

Features are natural logarithms: a difference of 1e-3 is a thousandth of the energy.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import kaldi_native_fbank as knf
import numpy as np
import pytest
import torch
from libraries import NEEDS, OTHER_BACK_ENDS, torchaudio
from waveforms import RATE, padded

from asrtrain.features.log_mel import LogMelConfig
from asrtrain.features.mfcc import MFCCConfig
from asrtrain.features.spectral_config import Backend
from asrtrain.features.spectrogram import SpectrogramConfig

Window = Literal["hamming", "hann", "povey"]
PLAIN: dict[str, Any] = {"sample_rate": RATE, "normalise": "none", "deltas": 0, "pre_emphasis": 0.0}


def difference(ours: torch.Tensor, frames: torch.Tensor, theirs: list[torch.Tensor]) -> float:
    """The largest difference over a batch, after making sure that there are the same frames."""
    assert frames.tolist() == [len(t) for t in theirs]
    return max(float((row[: len(t)] - t).abs().max()) for row, t in zip(ours, theirs, strict=True))


@NEEDS["torchaudio"]
@pytest.mark.parametrize("mel_scale", ["htk", "slaney"])
@pytest.mark.parametrize("window", ["hamming", "hann"])
def test_mfcc_is_torchaudio_s(speech: list[torch.Tensor], mel_scale: Literal["htk", "slaney"], window: Window) -> None:
    assert torchaudio is not None
    theirs = torchaudio.transforms.MFCC(
        RATE, 13, log_mels=True,
        melkwargs={
            "n_fft": 256, "win_length": 200, "hop_length": 80, "n_mels": 40, "f_min": 20.0, "mel_scale": mel_scale,
            "norm": "slaney" if mel_scale == "slaney" else None,
            "window_fn": torch.hamming_window if window == "hamming" else torch.hann_window,
        },
    )  # fmt: skip
    ours = MFCCConfig(edges="center", mel_scale=mel_scale, window=window, **PLAIN).build()
    assert difference(*ours(*padded(speech)), [theirs(x).T for x in speech]) < 1e-4


@NEEDS["torchaudio"]
def test_deltas_are_torchaudio_s(speech: list[torch.Tensor]) -> None:
    assert torchaudio is not None
    statics, frames = MFCCConfig(**PLAIN).build()(*padded(speech))
    everything, _ = MFCCConfig(**{**PLAIN, "deltas": 2}).build()(*padded(speech))
    theirs = []
    for row, count in zip(statics, frames, strict=True):
        first = torchaudio.functional.compute_deltas(row[:count].T)
        theirs.append(torch.cat([row[:count].T, first, torchaudio.functional.compute_deltas(first)]).T)
    assert difference(everything, frames, theirs) < 1e-5


@NEEDS["librosa"]
@pytest.mark.parametrize("mel_scale", ["htk", "slaney"])
def test_mfcc_is_librosa_s(speech: list[torch.Tensor], mel_scale: Literal["htk", "slaney"]) -> None:
    import librosa

    def theirs(x: torch.Tensor) -> torch.Tensor:
        energies = librosa.feature.melspectrogram(
            y=x.numpy(), sr=RATE, n_fft=256, win_length=200, hop_length=80, window="hamming", center=True,
            pad_mode="reflect", n_mels=40, fmin=20.0, htk=mel_scale == "htk",
            norm="slaney" if mel_scale == "slaney" else None,
        )  # fmt: skip
        return torch.from_numpy(librosa.feature.mfcc(S=np.log(energies + 1e-6), n_mfcc=13)).T

    ours = MFCCConfig(edges="center", mel_scale=mel_scale, **PLAIN).build()
    assert difference(*ours(*padded(speech[:10])), [theirs(x) for x in speech[:10]]) < 1e-4


KALDI: dict[str, Any] = {**PLAIN, "pre_emphasis": 0.97, "compat": "kaldi", "window": "povey", "n_mels": 23}


@NEEDS["torchaudio"]
@pytest.mark.parametrize("snip", [True, False])
@pytest.mark.parametrize("energy", [True, False])
def test_mfcc_is_kaldi_s(speech: list[torch.Tensor], snip: bool, energy: bool) -> None:
    """Kaldi's own code (kaldi-native-fbank), and torchaudio's translation of it."""
    from torchaudio.compliance.kaldi import mfcc

    options = knf.MfccOptions()
    frame = options.frame_opts
    frame.samp_freq, frame.snip_edges, frame.dither = RATE, snip, 0
    options.mel_opts.num_bins, options.num_ceps, options.use_energy = 23, 13, energy
    ours = MFCCConfig(edges="snip" if snip else "reflect", lifter=22.0, energy="replace" if energy else "none", **KALDI)
    features, frames = ours.build()(*padded(speech))

    def kaldi(x: torch.Tensor) -> torch.Tensor:
        extractor = knf.OnlineMfcc(options)
        extractor.accept_waveform(RATE, (x * 32768).tolist())
        extractor.input_finished()
        return torch.from_numpy(np.stack([extractor.get_frame(i) for i in range(extractor.num_frames_ready)]))

    def translated(x: torch.Tensor) -> torch.Tensor:
        translation: torch.Tensor = mfcc(
            x[None] * 32768, sample_frequency=RATE, snip_edges=snip, use_energy=energy, dither=0.0
        )
        return translation

    assert difference(features, frames, [kaldi(x) for x in speech]) < 2e-3  # of cepstra up to 100
    assert difference(features, frames, [translated(x) for x in speech]) < 2e-4


@NEEDS["torchaudio"]
@pytest.mark.parametrize("window", ["hamming", "povey"])
def test_log_mel_is_kaldi_s(speech: list[torch.Tensor], window: Window) -> None:
    from torchaudio.compliance.kaldi import fbank

    features, frames = LogMelConfig(**{**KALDI, "window": window, "n_mels": 40}).build()(*padded(speech))
    theirs = [
        fbank(x[None] * 32768, sample_frequency=RATE, num_mel_bins=40, window_type=window, dither=0.0) for x in speech
    ]
    assert difference(features, frames, theirs) < 1e-4


@pytest.mark.parametrize("backend", OTHER_BACK_ENDS)
@pytest.mark.parametrize("edges", ["snip", "reflect", "center"])
@pytest.mark.parametrize("config", [MFCCConfig, LogMelConfig, SpectrogramConfig])
def test_back_ends_agree(speech: list[torch.Tensor], backend: Backend, edges: str, config: type[MFCCConfig]) -> None:
    """One configuration, three libraries, the same features."""
    options = {"sample_rate": RATE, "edges": edges, "deltas": 1}
    ours, frames = config.model_validate(options).build()(*padded(speech[:10]))
    theirs, counts = config.model_validate({**options, "backend": backend}).build()(*padded(speech[:10]))
    assert frames.tolist() == counts.tolist()
    assert (ours - theirs).abs().max() < 2e-4


def test_the_least_and_the_most_a_power_can_be(speech: list[torch.Tensor]) -> None:
    """Parseval: the power spectrum of a frame sums to its windowed energy."""
    features, frames = SpectrogramConfig(window="hann", **PLAIN, floor=1e-12).build()(*padded(speech[:1]))
    power = features[0, : frames[0]].exp()
    summed = (2 * power.sum(1) - power[:, 0] - power[:, -1]) / 256
    windowed = speech[0].unfold(0, 200, 80) * torch.hann_window(200)
    torch.testing.assert_close(summed, windowed.square().sum(1), rtol=1e-4, atol=1e-8)
    assert math.isfinite(float(features.min()))
