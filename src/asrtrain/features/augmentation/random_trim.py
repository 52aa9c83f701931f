"""Ends cut where a threshold drawn at random says that speech begins and ends: nobody cuts recordings alike."""

from __future__ import annotations

from typing import Annotated, final

import torch
from pydantic import Field

from asrtrain.config import Range
from asrtrain.features.augmentation.draws import chosen, uniform
from asrtrain.features.augmentation.interface import EffectConfig, Probability, ReadAudio
from asrtrain.features.trimming import trim
from asrtrain.types import Hertz, Seconds


class RandomTrimConfig(EffectConfig):
    """Cuts both ends off where they are quieter than a threshold below the loudest 10 ms."""

    probability: Probability = 0.7
    """Share of the utterances that are cut."""
    threshold: Range = (15.0, 45.0)
    """Thresholds are drawn from this interval (dB below the loudest)."""
    margin: Annotated[float, Field(ge=0)] = 0.0
    """How much is left beyond the threshold at either end (seconds)."""

    def build(self, sample_rate: Hertz, read_audio: ReadAudio | None) -> RandomTrim:
        return RandomTrim(self, sample_rate)


@final
class RandomTrim:
    """See RandomTrimConfig."""

    def __init__(self, config: RandomTrimConfig, sample_rate: Hertz) -> None:
        self._config = config
        self._rate = sample_rate
        self._margin: Seconds = config.margin

    def __call__(
        self, waveforms: torch.Tensor, lengths: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        count = len(waveforms)
        threshold = uniform(count, self._config.threshold, generator)
        never = torch.full_like(threshold, torch.inf)
        threshold = torch.where(chosen(count, self._config.probability, generator), threshold, never)
        return trim(waveforms, lengths, self._rate, threshold, self._margin)
