"""Linear filters on waveforms: pre-emphasis, and low-, high- and band-pass filters that shift nothing in time."""

from __future__ import annotations

import math
from typing import final

import torch

from asrtrain.types import Hertz

ZEROS = 8
"""Zero crossings of the sinc on each side: more make a steeper filter."""


def pre_emphasise(waveforms: torch.Tensor, coefficient: float) -> torch.Tensor:
    """y[n] = x[n] − c·x[n−1] along the last axis, as if silence came before: lifts the high frequencies of speech."""
    lifted = torch.empty_like(waveforms)
    lifted[..., :1] = waveforms[..., :1]
    torch.sub(waveforms[..., 1:], waveforms[..., :-1], alpha=coefficient, out=lifted[..., 1:])
    return lifted


def pre_emphasise_frames(frames: torch.Tensor, coefficient: float) -> torch.Tensor:
    """The same for each frame by itself, along the last axis, its first sample taken to come before it (Kaldi)."""
    return frames - coefficient * torch.cat([frames[..., :1], frames[..., :-1]], -1)


@final
class BandPass:
    """Keeps frequencies between ``low`` and ``high`` (Hz); None leaves that side open.

    A windowed sinc, h[t] = 2f·sinc(2f·t)·hann(t), of unit gain at 0 Hz, is the low-pass filter of cut-off f (cycles a
    sample); a unit impulse less it is the high-pass (Smith, Digital Audio Resampling, 2002; as in Défossez's julius).
    """

    def __init__(self, sample_rate: Hertz, low: float | None, high: float | None) -> None:
        half = math.ceil(ZEROS * sample_rate / min(f for f in (low, high) if f is not None) / 2)
        impulse = torch.zeros(2 * half + 1)
        impulse[half] = 1.0
        kernel = impulse if high is None else _low_pass(high / sample_rate, half)
        self._kernel = kernel if low is None else kernel - _low_pass(low / sample_rate, half)

    def __call__(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Filter (B, S), taken to be silent before and after."""
        samples, taps = waveforms.shape[1], len(self._kernel)
        size = 1 << (samples + taps - 2).bit_length()
        spectrum = torch.fft.rfft(waveforms, size) * torch.fft.rfft(self._kernel, size)
        filtered: torch.Tensor = torch.fft.irfft(spectrum, size)
        return filtered[:, taps // 2 : taps // 2 + samples]


def _low_pass(cutoff: float, half: int) -> torch.Tensor:
    """The kernel (2·half + 1,) for a cut-off in cycles a sample; it is zero beyond its own ``ZEROS`` crossings."""
    time = torch.arange(-half, half + 1, dtype=torch.float64)
    reach = ZEROS / cutoff / 2
    hann = torch.where(time.abs() < reach, 0.5 + 0.5 * torch.cos(math.pi * time / reach), 0.0)
    kernel = hann * torch.sinc(2 * cutoff * time)
    return (kernel / kernel.sum()).to(torch.float32)
