"""librosa's functions, on our frames."""

from __future__ import annotations

from types import ModuleType
from typing import final

import torch
from torch.nn import functional

from asrtrain.errors import UsageError
from asrtrain.features.backends.interface import Analysis, Backend
from asrtrain.optional import optional


@final
class LibrosaBackend(Backend):
    """``stft``, ``feature.melspectrogram`` and ``feature.mfcc``; librosa compiles itself on first use (seconds)."""

    def __init__(self, analysis: Analysis) -> None:
        _librosa()
        self._analysis = analysis
        before = (analysis.n_fft - analysis.framing.length) // 2
        self._margins = (before, analysis.n_fft - analysis.framing.length - before)

    def power(self, padded: torch.Tensor) -> torch.Tensor:
        analysis = self._analysis
        spectrum = _librosa().stft(
            functional.pad(padded, self._margins).numpy(),
            n_fft=analysis.n_fft,
            hop_length=analysis.framing.shift,
            win_length=analysis.framing.length,
            window=analysis.window,
            center=False,
        )
        return torch.from_numpy(abs(spectrum) ** 2).transpose(1, 2)

    def mel(self, padded: torch.Tensor, warps: torch.Tensor | None) -> torch.Tensor:
        if warps is not None:
            raise UsageError("augmentation.vtlp needs features.backend: asrtrain; librosa cannot stretch a spectrum")
        bank = self._analysis.filterbank
        assert bank is not None
        energies = _librosa().feature.melspectrogram(
            S=self.power(padded).transpose(1, 2).numpy(),
            sr=bank.sample_rate,
            n_fft=bank.n_fft,
            n_mels=bank.n_mels,
            fmin=bank.f_min,
            fmax=bank.f_max,
            htk=bank.mel_scale == "htk",
            norm="slaney" if bank.mel_scale == "slaney" else None,
        )
        return torch.from_numpy(energies).transpose(1, 2)

    def cepstra(self, log_mel: torch.Tensor, count: int) -> torch.Tensor:
        coefficients = _librosa().feature.mfcc(S=log_mel.transpose(1, 2).numpy(), n_mfcc=count, norm="ortho")
        return torch.from_numpy(coefficients).transpose(1, 2)


def _librosa() -> ModuleType:
    with optional("librosa", "features.backend: librosa"):
        import librosa.feature  # slow to import, and rarely wanted
    return librosa
