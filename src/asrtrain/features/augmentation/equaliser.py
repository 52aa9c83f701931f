"""Another microphone, room or line: a random tilt, a random wavy response, random band limits."""

from __future__ import annotations

from typing import Annotated, Self, final

import torch
from pydantic import Field, model_validator

from asrtrain.config import Range
from asrtrain.features.augmentation.draws import chosen, decibels, log_uniform, uniform
from asrtrain.features.augmentation.interface import EffectConfig, Probability, ReadAudio
from asrtrain.features.augmentation.spectral import at_bins, fast_size, octaves, wavy
from asrtrain.features.lengths import real
from asrtrain.types import Hertz

SPREAD = 0.1
"""Seconds by which a response may spread sound, so that the Fourier transform does not wrap it round."""

KNOTS = 10
"""Independent points of the wavy response."""

MOST = 40.0
"""No frequency is raised or lowered by more (dB)."""


class EqualiserConfig(EffectConfig):
    """Filters each utterance with a smooth response of its own."""

    probability: Probability = 1.0
    """Share of the utterances that are filtered."""
    tilt: Annotated[float, Field(ge=0, le=12)] = 6.0
    """Up to so much brighter or darker (dB an octave, about 1 kHz)."""
    waves: Annotated[float, Field(ge=0, le=24)] = 3.0
    """Standard deviation of the response's random waves (dB)."""
    low_pass: Range | None = None
    """Cut-off frequencies of a random low-pass filter (Hz, log-uniform), 24 dB an octave."""
    high_pass: Range | None = None
    """Cut-off frequencies of a random high-pass filter (Hz, log-uniform), 12 dB an octave."""
    pass_probability: Probability = 0.3
    """Share of the filtered utterances that each of the two pass filters is added to."""

    @model_validator(mode="after")
    def _cutoffs_are_possible(self) -> Self:
        if any(cutoffs is not None and cutoffs[0] <= 0 for cutoffs in (self.low_pass, self.high_pass)):
            raise ValueError("low_pass and high_pass must lie above 0 Hz")
        return self

    def build(self, sample_rate: Hertz, read_audio: ReadAudio | None) -> Equaliser:
        return Equaliser(self, sample_rate)


@final
class Equaliser:
    """See EqualiserConfig."""

    def __init__(self, config: EqualiserConfig, sample_rate: Hertz) -> None:
        self._config = config
        self._rate = sample_rate
        self._octaves = octaves(sample_rate)

    def __call__(
        self, waveforms: torch.Tensor, lengths: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        samples = waveforms.shape[1]
        size = fast_size(samples + round(SPREAD * self._rate))
        gains = at_bins(self._gains(len(waveforms), generator), size, self._rate)
        filtered = torch.fft.irfft(torch.fft.rfft(waveforms, size) * gains, size)[:, :samples]
        befallen = chosen(len(waveforms), self._config.probability, generator)
        return torch.where(befallen, filtered, waveforms) * real(lengths, samples), lengths

    def _gains(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """(B, POINTS) factors on amplitudes; the phase stays (no delay)."""
        config = self._config
        level = uniform(count, (-config.tilt, config.tilt), generator) * self._octaves
        level = level + config.waves * wavy(count, KNOTS, generator)
        gains = decibels(level.clamp(-MOST, MOST))
        hertz = 1000 * torch.pow(2.0, self._octaves)
        for cutoffs, order in ((config.low_pass, 4), (config.high_pass, -2)):
            if cutoffs is not None:
                # Butterworth (1930): 1 / √(1 + (f/fc)^(2·order)), turned round for a high-pass
                ratio = hertz / log_uniform(count, cutoffs, generator)
                response = (1 + ratio ** (2 * order)).rsqrt()
                gains = gains * torch.where(chosen(count, config.pass_probability, generator), response, 1.0)
        return gains
