"""From framed waveforms to the features of single frames: log spectra, log mel energies, cepstra."""

from __future__ import annotations

import math
from typing import Protocol, final

import torch

from asrtrain.errors import UsageError
from asrtrain.features.backends import Analysis, Backend
from asrtrain.features.lengths import zero_beyond
from asrtrain.features.spectrum import centred, log_energy

Decibels = float

SILENCE = 1e-12
"""No frame counts as loud whose energy is less."""

KALDI_FLOOR = torch.finfo(torch.float32).eps


class Statics(Protocol):
    """Features of single frames."""

    def __call__(self, padded: torch.Tensor, frames: torch.Tensor, warps: torch.Tensor | None) -> torch.Tensor:
        """Padded waveforms (B, span), as ``Framing.pad`` makes them, of ``frames`` (B,), to (B, T, bands).

        ``warps`` (B,) stretch the frequency axes. What comes beyond each utterance's frames is undefined.
        """


@final
class LogSpectrum:
    """log(power + floor) of every bin of the Fourier transform."""

    def __init__(self, backend: Backend, floor: float) -> None:
        self._backend = backend
        self._floor = floor

    def __call__(self, padded: torch.Tensor, frames: torch.Tensor, warps: torch.Tensor | None) -> torch.Tensor:
        if warps is not None:
            raise UsageError("augmentation.vtlp moves mel filters, and features: spectrogram has none; leave it out")
        return self._backend.power(padded).add_(self._floor).log_()


@final
class LogMel:
    """Logarithms of mel energies over a floor.

    ``floor``: log(energy + floor), as torchaudio does. ``kaldi``: log(max(energy, 1.19e-7)). ``peak_floor``, decibels:
    log(energy / peak + 10^(−peak_floor/10)), where the peak is the mean energy of the utterance's loudest frame; what
    is quieter than that floor counts as silence, however loud the recording is.
    """

    def __init__(self, backend: Backend, floor: float, peak_floor: Decibels | None, *, kaldi: bool) -> None:
        self._backend = backend
        self._floor = floor
        self._peak_floor = peak_floor
        self._kaldi = kaldi

    def __call__(self, padded: torch.Tensor, frames: torch.Tensor, warps: torch.Tensor | None) -> torch.Tensor:
        energies = self._backend.mel(padded, warps)
        if self._kaldi:
            return energies.clamp_(min=KALDI_FLOOR).log_()
        if self._peak_floor is None:
            return energies.add_(self._floor).log_()
        peak = zero_beyond(energies.mean(2), frames).amax(1).clamp(min=SILENCE)[:, None, None]
        return (energies / peak).add_(10 ** (-self._peak_floor / 10)).log_()


@final
class Cepstra:
    """The first ``count`` coefficients of the cosine transform of log mel energies."""

    def __init__(self, log_mel: LogMel, backend: Backend, count: int, lifter: float) -> None:
        self._log_mel = log_mel
        self._backend = backend
        self._count = count
        self._lifter = lifter_factors(count, lifter) if lifter else None

    def __call__(self, padded: torch.Tensor, frames: torch.Tensor, warps: torch.Tensor | None) -> torch.Tensor:
        coefficients = self._backend.cepstra(self._log_mel(padded, frames, warps), self._count)
        return coefficients if self._lifter is None else coefficients * self._lifter


@final
class WithEnergy:
    """Other statics, with each frame's log energy after them or in place of the first."""

    def __init__(self, statics: Statics, analysis: Analysis, *, replace: bool) -> None:
        self._statics = statics
        self._analysis = analysis
        self._replace = replace

    def __call__(self, padded: torch.Tensor, frames: torch.Tensor, warps: torch.Tensor | None) -> torch.Tensor:
        statics = self._statics(padded, frames, warps)
        samples = self._analysis.framing.frames(padded)
        energy = log_energy(centred(samples) if self._analysis.kaldi else samples, KALDI_FLOOR)
        return torch.cat([energy, statics[:, :, 1:]] if self._replace else [statics, energy], 2)


def lifter_factors(count: int, lifter: float) -> torch.Tensor:
    """1 + L/2·sin(πk/L) for coefficient k = 0, 1, … (Young et al., The HTK Book)."""
    return 1 + lifter / 2 * torch.sin(math.pi * torch.arange(count) / lifter)
