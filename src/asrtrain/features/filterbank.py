"""Mel filterbanks, as they are and stretched to imitate other vocal tracts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import torch

from asrtrain.features.matrices import straight_in_hertz, straight_in_mel
from asrtrain.types import Hertz

MelScale = Literal["htk", "slaney", "kaldi"]

FINE = 16
"""The filters of warped banks are read off a grid of frequencies so many times finer than the Fourier transform's."""

BOUNDARY = 0.75
"""Above this share of half the sample rate warping gives way, so that the highest frequency stays in place."""

WARPS = (0.7, 1.4)
"""The least and the greatest factor."""

WARP_STEP = 0.01
"""Warped banks are made for factors so far apart; an utterance gets the nearest."""

GROUP = 24
"""Matrix libraries work on so many columns at a time where one has a whole multiple of them."""


@final
@dataclass(frozen=True)
class Filterbank:
    """Triangular filters on a mel scale, each a weighted sum of the power spectrum's n_fft/2 + 1 bins.

    ``htk``: O'Shaughnessy (1987), triangles straight in Hz; ``slaney``: Slaney's Auditory Toolbox (1998), triangles of
    equal area; ``kaldi``: htk's scale with triangles straight in mel.
    """

    n_mels: int
    n_fft: int
    sample_rate: Hertz
    f_min: float
    f_max: float
    mel_scale: MelScale

    def matrix(self, warp: float = 1.0) -> torch.Tensor:
        """The filters (n_fft/2 + 1, n_mels), moved from every frequency f to ``warp``·f.

        Vocal tract length perturbation, Jaitly and Hinton (2013): piecewise linear, f → αf up to the boundary over
        max(α, 1), and from there straight to half the sample rate, which stays.
        """
        if warp == 1.0:
            return self._sampled(1)
        bins = self.n_fft // 2
        knee = BOUNDARY * min(warp, 1.0)  # where f → αf ends, on the warped axis
        warped = torch.arange(bins + 1, dtype=torch.float64) / bins
        above = 1 - (1 - warped) * (1 - knee / warp) / (1 - knee)
        place = torch.where(warped <= knee, warped / warp, above) * bins * FINE
        low = place.floor().clamp(0, bins * FINE - 1).long()
        share = (place - low).to(torch.float32)[:, None]
        fine = self._sampled(FINE)
        return torch.lerp(fine[low], fine[low + 1], share)

    def warped(self, low: float, high: float) -> torch.Tensor:
        """The banks (W, n_fft/2 + 1, n_mels) for the factors low, low + WARP_STEP, … high."""
        count = round((high - low) / WARP_STEP) + 1
        return torch.stack([self.matrix(round(low + i * WARP_STEP, 6)) for i in range(count)])

    def _sampled(self, finer: int) -> torch.Tensor:
        """The filters read off ``finer``·n_fft/2 + 1 frequencies."""
        bins, span = self.n_fft // 2 * finer + 1, (self.f_min, self.f_max)
        if self.mel_scale == "kaldi":
            return straight_in_mel(bins, self.n_mels, self.sample_rate, span)
        return straight_in_hertz(bins, self.n_mels, self.sample_rate, span, self.mel_scale)


@final
class BandedProduct:
    """The product of spectra with a filterbank, leaving out most of its zeros.

    ``GROUP`` neighbouring filters at a time are multiplied with the bins that they reach.
    """

    def __init__(self, filters: torch.Tensor) -> None:
        self._groups = []
        for first in range(0, filters.shape[1], GROUP):
            group = filters[:, first : first + GROUP]
            reached = group.any(1).nonzero()
            bins = slice(int(reached[0]), int(reached[-1]) + 1)
            self._groups.append((bins, slice(first, first + group.shape[1]), group[bins].contiguous()))

    def __call__(self, spectra: torch.Tensor, out: torch.Tensor) -> None:
        """Spectra (M, rows of the filters) to ``out`` (M, n_mels): the energies."""
        for bins, columns, group in self._groups:
            torch.mm(spectra[:, bins], group, out=out[:, columns])


def for_squared_parts(filters: torch.Tensor) -> torch.Tensor:
    """Filters (…, bins, n_mels) of powers to filters of re² and im², side by side: (…, 2·bins, n_mels).

    Their product with those squares is their product with the power, re² + im².
    """
    return filters.repeat_interleave(2, -2)


def empty_filter(filterbank: Filterbank) -> int | None:
    """The first filter that no bin falls into, if any."""
    empty = (filterbank.matrix().sum(0) == 0).nonzero()
    return int(empty[0]) if len(empty) else None
