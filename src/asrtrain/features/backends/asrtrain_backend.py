"""The project's own back end: blocks of frames that stay in the cache, and spectra that can be stretched."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import final

import torch

from asrtrain.features.backends.interface import Analysis, Backend
from asrtrain.features.filterbank import WARP_STEP, WARPS, BandedProduct, Filterbank, for_squared_parts
from asrtrain.features.filtering import pre_emphasise_frames
from asrtrain.features.matrices import cosines
from asrtrain.features.spectrum import added_up, centred, squared_parts, window

BLOCK = 1 << 18
"""Samples of windowed frames worked on at a time: 1 MB, so that what becomes of them stays in the processor's cache.
With fewer it is the calls that cost more, above all the Fourier transform's, which plans anew in each.
"""

Block = tuple[slice, slice]
"""Utterances and their frames."""


@final
class AsrtrainBackend(Backend):
    """rfft, re² and im², and matrix products with the filterbank and the cosine transform."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._window = window(analysis.window, analysis.framing.length, periodic=not analysis.kaldi)
        self._bins = analysis.n_fft // 2 + 1
        bank = analysis.filterbank
        self._bands = 0 if bank is None else bank.n_mels
        self._product = None if bank is None else BandedProduct(for_squared_parts(bank.matrix()))

    def power(self, padded: torch.Tensor) -> torch.Tensor:
        frames = self._analysis.framing.frames(padded)
        power = torch.empty(*frames.shape[:2], self._bins)
        for block, squares in self._blocks(frames):
            power[block] = added_up(squares)
        return power

    def mel(self, padded: torch.Tensor, warps: torch.Tensor | None) -> torch.Tensor:
        frames = self._analysis.framing.frames(padded)
        energies = torch.empty(*frames.shape[:2], self._bands)
        if warps is not None:
            nearest = ((warps - WARPS[0]) / WARP_STEP).round().long().clamp(0, len(self._warped_banks) - 1)
            for block, squares in self._blocks(frames):
                energies[block] = torch.bmm(added_up(squares), self._warped_banks[nearest[block[0]]])
            return energies
        assert self._product is not None
        for block, squares in self._blocks(frames):
            self._product(squares.flatten(0, 1), energies[block].flatten(0, 1))
        return energies

    def cepstra(self, log_mel: torch.Tensor, count: int) -> torch.Tensor:
        return log_mel @ _kept_cosines(count, log_mel.shape[2])

    def _blocks(self, frames: torch.Tensor) -> Iterator[tuple[Block, torch.Tensor]]:
        """Frames (B, T, N) to the squares of their spectra (b, t, 2·bins), block by block."""
        utterances, count, length = frames.shape
        n_fft = self._analysis.n_fft
        size = max(1, BLOCK // n_fft)
        rows = min(utterances, max(1, size // count))
        columns = -(-count // -(-count // size))  # of equal size, no more than there may be
        windowed = torch.empty(rows, columns, n_fft)
        windowed[:, :, length:] = 0.0
        speech = windowed[:, :, :length]
        for row in range(0, utterances, rows):
            for column in range(0, count, columns):
                block = slice(row, row + rows), slice(column, column + columns)
                part = frames[block]
                b, t = part.shape[:2]
                if self._analysis.kaldi:
                    part = pre_emphasise_frames(centred(part), self._analysis.pre_emphasis)
                torch.mul(part, self._window, out=speech[:b, :t])
                yield block, squared_parts(windowed[:b, :t])

    @cached_property
    def _warped_banks(self) -> torch.Tensor:
        bank: Filterbank | None = self._analysis.filterbank
        assert bank is not None
        return bank.warped(*WARPS)


@lru_cache
def _kept_cosines(count: int, n_mels: int) -> torch.Tensor:
    return cosines(count, n_mels)
