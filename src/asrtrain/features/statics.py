"""From framed waveforms to the features of single frames: log spectra, log mel energies, cepstra."""

from __future__ import annotations

import math
from typing import Protocol, final

import torch

from asrtrain.features.backends import Analysis, Backend
from asrtrain.features.spectrum import centred, log_energy

KALDI_FLOOR = torch.finfo(torch.float32).eps


class Statics(Protocol):
    """Features of single frames."""

    def __call__(self, padded: torch.Tensor, warps: torch.Tensor | None) -> torch.Tensor:
        """Padded waveforms (B, span), as ``Framing.pad`` makes them, to (B, T, bands)."""


@final
class LogSpectrum:
    """log(power + floor) of every bin of the Fourier transform."""

    def __init__(self, backend: Backend, floor: float) -> None:
        self._backend = backend
        self._floor = floor

    def __call__(self, padded: torch.Tensor, warps: torch.Tensor | None) -> torch.Tensor:
        return self._backend.power(padded).add(self._floor).log_()


@final
class LogMel:
    """log(energy + floor) of every mel band; Kaldi's way, log(max(energy, 1.19e-7))."""

    def __init__(self, backend: Backend, floor: float, *, kaldi: bool) -> None:
        self._backend = backend
        self._floor = floor
        self._kaldi = kaldi

    def __call__(self, padded: torch.Tensor, warps: torch.Tensor | None) -> torch.Tensor:
        energies = self._backend.mel(padded, warps)
        return (energies.clamp(min=KALDI_FLOOR) if self._kaldi else energies.add(self._floor)).log_()


@final
class Cepstra:
    """The first ``count`` coefficients of the cosine transform of log mel energies."""

    def __init__(self, log_mel: LogMel, backend: Backend, count: int, lifter: float) -> None:
        self._log_mel = log_mel
        self._backend = backend
        self._count = count
        self._lifter = lifter_factors(count, lifter) if lifter else None

    def __call__(self, padded: torch.Tensor, warps: torch.Tensor | None) -> torch.Tensor:
        coefficients = self._backend.cepstra(self._log_mel(padded, warps), self._count)
        return coefficients if self._lifter is None else coefficients * self._lifter


@final
class WithEnergy:
    """Other statics, with each frame's log energy after them or in place of the first."""

    def __init__(self, statics: Statics, analysis: Analysis, *, replace: bool) -> None:
        self._statics = statics
        self._analysis = analysis
        self._replace = replace

    def __call__(self, padded: torch.Tensor, warps: torch.Tensor | None) -> torch.Tensor:
        statics = self._statics(padded, warps)
        frames = self._analysis.framing.frames(padded)
        energy = log_energy(centred(frames) if self._analysis.kaldi else frames, KALDI_FLOOR)
        return torch.cat([energy, statics[:, :, 1:]] if self._replace else [statics, energy], 2)


def lifter_factors(count: int, lifter: float) -> torch.Tensor:
    """1 + L/2·sin(πk/L) for coefficient k = 0, 1, … (Young et al., The HTK Book)."""
    return 1 + lifter / 2 * torch.sin(math.pi * torch.arange(count) / lifter)
