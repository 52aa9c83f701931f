"""torchaudio's transforms, on our frames."""

from __future__ import annotations

from types import ModuleType
from typing import final

import torch
from torch.nn import functional

from asrtrain.errors import UsageError
from asrtrain.features.backends.interface import Analysis, Backend
from asrtrain.optional import optional


@final
class TorchaudioBackend(Backend):
    """``Spectrogram``, ``MelSpectrogram`` and ``create_dct``."""

    def __init__(self, analysis: Analysis) -> None:
        transforms = _torchaudio().transforms
        framing, bank = analysis.framing, analysis.filterbank
        # torch.stft puts a window shorter than its frame into the middle of the frame
        before = (analysis.n_fft - framing.length) // 2
        self._margins = (before, analysis.n_fft - framing.length - before)
        window = torch.hamming_window if analysis.window == "hamming" else torch.hann_window
        common = (analysis.n_fft, framing.length, framing.shift)
        self._spectrogram = transforms.Spectrogram(*common, window_fn=window, center=False)
        self._scale = None
        if bank is not None:
            norm = "slaney" if bank.mel_scale == "slaney" else None
            self._scale = transforms.MelScale(
                bank.n_mels, bank.sample_rate, bank.f_min, bank.f_max, analysis.n_fft // 2 + 1, norm, bank.mel_scale
            )

    def power(self, padded: torch.Tensor) -> torch.Tensor:
        spectrum: torch.Tensor = self._spectrogram(functional.pad(padded, self._margins))
        return spectrum.transpose(1, 2)

    def mel(self, padded: torch.Tensor, warps: torch.Tensor | None) -> torch.Tensor:
        if warps is not None:
            raise UsageError("augmentation.vtlp needs features.backend: asrtrain; torchaudio cannot stretch a spectrum")
        assert self._scale is not None
        energies: torch.Tensor = self._scale(self.power(padded).transpose(1, 2))
        return energies.transpose(1, 2)

    def cepstra(self, log_mel: torch.Tensor, count: int) -> torch.Tensor:
        coefficients: torch.Tensor = log_mel @ _torchaudio().functional.create_dct(count, log_mel.shape[2], "ortho")
        return coefficients


def _torchaudio() -> ModuleType:
    with optional("torchaudio", "features.backend: torchaudio"):
        import torchaudio.functional
        import torchaudio.transforms
    module: ModuleType = torchaudio
    return module
