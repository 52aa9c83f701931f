"""Noise at a random level: white, coloured, or recorded."""

from __future__ import annotations

from typing import Annotated, final

import torch
from pydantic import Field

from asrtrain.config import FilePath, Range
from asrtrain.features.augmentation.draws import chosen, decibels, uniform
from asrtrain.features.augmentation.interface import EffectConfig, Probability, ReadAudio
from asrtrain.features.augmentation.recordings import read_folder
from asrtrain.features.augmentation.spectral import at_bins, fast_size, octaves, wavy
from asrtrain.features.lengths import real
from asrtrain.types import Hertz

KNOTS = 8
"""Independent points of the noise's wavy spectrum."""

DECIBELS_AN_OCTAVE = -3.0103
"""Pink noise, of colour 1, loses half its power an octave."""


class NoiseConfig(EffectConfig):
    """Adds noise, of a colour and level of its own to each utterance."""

    probability: Probability = 0.8
    """Share of the utterances that noise is added to."""
    snr: Range = (0.0, 30.0)
    """How far the speech's mean power lies above the noise's (dB)."""
    colour: Range = (-1.0, 2.0)
    """Spectral slope: 0 is white, 1 pink (−3 dB an octave), 2 brown (−6), −1 blue (+3)."""
    waves: Annotated[float, Field(ge=0, le=24)] = 3.0
    """Standard deviation of the random waves in the noise's spectrum (dB)."""
    folder: FilePath | None = None
    """A folder of recorded noise, used in place of made-up noise; colour and waves then count for nothing."""

    def build(self, sample_rate: Hertz, read_audio: ReadAudio | None) -> Noise:
        recorded = None if self.folder is None else torch.cat(read_folder(self.folder, sample_rate, read_audio))
        return Noise(self, sample_rate, recorded)


@final
class Noise:
    """See NoiseConfig; ``recorded`` (N,) is noise to take stretches from."""

    def __init__(self, config: NoiseConfig, sample_rate: Hertz, recorded: torch.Tensor | None) -> None:
        self._config = config
        self._rate = sample_rate
        self._octaves = octaves(sample_rate)
        self._recorded = recorded

    def __call__(
        self, waveforms: torch.Tensor, lengths: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        rows = chosen(len(waveforms), self._config.probability, generator).nonzero()[:, 0]
        if not len(rows):
            return waveforms, lengths
        samples = waveforms.shape[1]
        source = self._made if self._recorded is None else self._taken
        noise = source(len(rows), samples, generator) * real(lengths[rows], samples)
        power = noise.square().sum(1, keepdim=True).clamp(min=1e-12)
        speech = waveforms[rows].square().sum(1, keepdim=True)
        level = (speech / power).sqrt() * decibels(-uniform(len(rows), self._config.snr, generator))
        return waveforms.index_add(0, rows, noise * level), lengths

    def _made(self, count: int, samples: int, generator: torch.Generator) -> torch.Tensor:
        """(count, samples): a Gaussian spectrum, shaped; there is no need to make it white in time first."""
        size = fast_size(samples)
        slope = uniform(count, self._config.colour, generator) * DECIBELS_AN_OCTAVE * self._octaves
        level = slope + self._config.waves * wavy(count, KNOTS, generator)
        gains = at_bins(decibels(level), size, self._rate)
        spectrum = torch.randn(count, size // 2 + 1, 2, generator=generator)
        noise: torch.Tensor = torch.fft.irfft(torch.view_as_complex(spectrum) * gains, size)
        return noise[:, :samples]

    def _taken(self, count: int, samples: int, generator: torch.Generator) -> torch.Tensor:
        """(count, samples): stretches of the recorded noise, which begins again at its end."""
        assert self._recorded is not None
        start = torch.randint(len(self._recorded), (count, 1), generator=generator)
        return self._recorded[(start + torch.arange(samples)) % len(self._recorded)]
