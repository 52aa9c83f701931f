"""Windows, power spectra and frame energies."""

from __future__ import annotations

from typing import Literal

import torch

Window = Literal["hamming", "hann", "povey"]


def window(name: Window, length: int, *, periodic: bool) -> torch.Tensor:
    """An analysis window (length,).

    hamming: 0.54 − 0.46 cos φ; hann: 0.5 − 0.5 cos φ; povey: the symmetric Hann window to the power 0.85, which goes to
    zero at the edges less abruptly (Povey, in Kaldi). ``periodic`` (torchaudio, librosa) puts the second zero a sample
    beyond the end, symmetric (Kaldi) on the last sample.
    """
    if name == "hamming":
        return torch.hamming_window(length, periodic)
    if name == "hann":
        return torch.hann_window(length, periodic)
    return torch.hann_window(length, periodic=False).pow(0.85)


def squared_parts(frames: torch.Tensor) -> torch.Tensor:
    """Windowed frames (…, n_fft), zeros behind the window, to re² and im² of each bin: (…, n_fft + 2).

    The power is their sum: ``abs()**2`` would take a root only to square it, in four times the time. A filterbank that
    weighs both alike adds them up on the way.
    """
    return torch.view_as_real(torch.fft.rfft(frames)).square_().flatten(-2)


def added_up(squares: torch.Tensor) -> torch.Tensor:
    """re² and im² (…, 2·bins) to the power (…, bins)."""
    return squares[..., ::2] + squares[..., 1::2]


def centred(frames: torch.Tensor) -> torch.Tensor:
    """Frames (B, T, N) freed of their mean."""
    return frames - frames.mean(2, keepdim=True)


def log_energy(frames: torch.Tensor, floor: float) -> torch.Tensor:
    """Frames (B, T, N) before the window to their log energies (B, T, 1)."""
    return frames.square().sum(2, keepdim=True).clamp(min=floor).log()
