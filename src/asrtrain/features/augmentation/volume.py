"""Louder and quieter recordings."""

from __future__ import annotations

from typing import final

import torch

from asrtrain.config import Range
from asrtrain.features.augmentation.draws import chosen, decibels, uniform
from asrtrain.features.augmentation.interface import EffectConfig, Probability, ReadAudio
from asrtrain.types import Hertz


class VolumeConfig(EffectConfig):
    """Makes utterances louder or quieter; what passes full scale is not cut (saturation does that)."""

    probability: Probability = 1.0
    """Share of the utterances that are changed."""
    gain: Range = (-10.0, 10.0)
    """Gains are drawn from this interval (dB)."""

    def build(self, sample_rate: Hertz, read_audio: ReadAudio | None) -> Volume:
        return Volume(self)


@final
class Volume:
    """See VolumeConfig."""

    def __init__(self, config: VolumeConfig) -> None:
        self._config = config

    def __call__(
        self, waveforms: torch.Tensor, lengths: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        count = len(waveforms)
        gain = decibels(uniform(count, self._config.gain, generator))
        return waveforms * torch.where(chosen(count, self._config.probability, generator), gain, 1.0), lengths
