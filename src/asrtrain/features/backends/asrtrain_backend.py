"""The project's own back end: few operations on large batches, and spectra that can be stretched."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import final

import torch
import torchaudio.functional

from asrtrain.features.backends.interface import Analysis, Backend
from asrtrain.features.filterbank import WARP_STEP, WARPS, Filterbank
from asrtrain.features.filtering import pre_emphasise_frames
from asrtrain.features.spectrum import centred, power_spectrum, window


@final
class AsrtrainBackend(Backend):
    """rfft, re² + im², and matrix products with torchaudio's filterbank and cosine transform."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._window = window(analysis.window, analysis.framing.length, periodic=not analysis.kaldi)
        self._bank = None if analysis.filterbank is None else analysis.filterbank.matrix()

    def power(self, padded: torch.Tensor) -> torch.Tensor:
        frames = self._analysis.framing.frames(padded)
        if self._analysis.kaldi:
            frames = pre_emphasise_frames(centred(frames), self._analysis.pre_emphasis)
        return power_spectrum(frames * self._window, self._analysis.n_fft)

    def mel(self, padded: torch.Tensor, warps: torch.Tensor | None) -> torch.Tensor:
        assert self._bank is not None
        power = self.power(padded)
        if warps is None:
            return power @ self._bank
        nearest = ((warps - WARPS[0]) / WARP_STEP).round().long().clamp(0, len(self._warped_banks) - 1)
        return torch.bmm(power, self._warped_banks[nearest])

    def cepstra(self, log_mel: torch.Tensor, count: int) -> torch.Tensor:
        return log_mel @ _cosines(count, log_mel.shape[2])

    @cached_property
    def _warped_banks(self) -> torch.Tensor:
        bank: Filterbank | None = self._analysis.filterbank
        assert bank is not None
        return bank.warped(*WARPS)


@lru_cache
def _cosines(count: int, n_mels: int) -> torch.Tensor:
    matrix: torch.Tensor = torchaudio.functional.create_dct(count, n_mels, "ortho")
    return matrix
