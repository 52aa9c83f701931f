"""The project's own back end: blocks of frames that stay in the cache, and spectra that can be stretched."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import final

import torch
import torchaudio.functional

from asrtrain.features.backends.interface import Analysis, Backend
from asrtrain.features.filterbank import WARP_STEP, WARPS, BandedProduct, Filterbank
from asrtrain.features.filtering import pre_emphasise_frames
from asrtrain.features.spectrum import centred, power_spectrum, window

BLOCK = 1 << 19
"""Samples of windowed frames worked on at a time: 2 MB, so that what becomes of them stays in the processor's cache.
With fewer it is the Fourier transform that costs more: it is planned anew in every call.
"""

Block = tuple[slice, slice]
"""Utterances and their frames."""


@final
class AsrtrainBackend(Backend):
    """rfft, re² + im², and matrix products with torchaudio's filterbank and cosine transform."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._window = window(analysis.window, analysis.framing.length, periodic=not analysis.kaldi)
        self._bins = analysis.n_fft // 2 + 1
        bank = analysis.filterbank
        self._bands = 0 if bank is None else bank.n_mels
        self._product = None if bank is None else BandedProduct(bank.matrix())

    def power(self, padded: torch.Tensor) -> torch.Tensor:
        frames = self._analysis.framing.frames(padded)
        power = torch.empty(*frames.shape[:2], self._bins)
        for block, part in self._blocks(frames):
            power[block] = part
        return power

    def mel(self, padded: torch.Tensor, warps: torch.Tensor | None) -> torch.Tensor:
        frames = self._analysis.framing.frames(padded)
        energies = torch.empty(*frames.shape[:2], self._bands)
        if warps is not None:
            nearest = ((warps - WARPS[0]) / WARP_STEP).round().long().clamp(0, len(self._warped_banks) - 1)
            for block, power in self._blocks(frames):
                energies[block] = torch.bmm(power, self._warped_banks[nearest[block[0]]])
            return energies
        assert self._product is not None
        for block, power in self._blocks(frames):
            self._product(power.flatten(0, 1), energies[block].flatten(0, 1))
        return energies

    def cepstra(self, log_mel: torch.Tensor, count: int) -> torch.Tensor:
        return log_mel @ _cosines(count, log_mel.shape[2])

    def _blocks(self, frames: torch.Tensor) -> Iterator[tuple[Block, torch.Tensor]]:
        """Frames (B, T, N) to their power, block by block, each (b, t, bins) until the next is asked for."""
        utterances, count, length = frames.shape
        n_fft = self._analysis.n_fft
        size = max(1, BLOCK // n_fft)
        rows = min(utterances, max(1, size // count))
        columns = -(-count // -(-count // size))  # of equal size, no more than there may be
        windowed = torch.empty(rows * columns, n_fft)
        windowed[:, length:] = 0.0
        power = torch.empty(rows * columns, self._bins)
        for row in range(0, utterances, rows):
            for column in range(0, count, columns):
                block = slice(row, row + rows), slice(column, column + columns)
                part = frames[block]
                b, t = part.shape[:2]
                if self._analysis.kaldi:
                    part = pre_emphasise_frames(centred(part), self._analysis.pre_emphasis)
                torch.mul(part, self._window, out=windowed[: b * t].view(b, t, n_fft)[:, :, :length])
                yield block, power_spectrum(windowed[: b * t], power[: b * t]).view(b, t, self._bins)

    @cached_property
    def _warped_banks(self) -> torch.Tensor:
        bank: Filterbank | None = self._analysis.filterbank
        assert bank is not None
        return bank.warped(*WARPS)


@lru_cache
def _cosines(count: int, n_mels: int) -> torch.Tensor:
    matrix: torch.Tensor = torchaudio.functional.create_dct(count, n_mels, "ortho")
    return matrix
