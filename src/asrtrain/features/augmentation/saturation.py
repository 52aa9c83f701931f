"""Recordings that were too loud for the microphone: samples beyond a level are cut to it."""

from __future__ import annotations

from typing import Self, final

import torch
from pydantic import model_validator

from asrtrain.config import Range
from asrtrain.features.augmentation.draws import chosen, uniform
from asrtrain.features.augmentation.interface import EffectConfig, Probability, ReadAudio
from asrtrain.types import Hertz


class SaturationConfig(EffectConfig):
    """Cuts the peaks of utterances off."""

    probability: Probability = 0.1
    """Share of the utterances that are cut."""
    level: Range = (0.15, 0.8)
    """Where peaks are cut, as a share of the utterance's greatest."""

    @model_validator(mode="after")
    def _something_is_left(self) -> Self:
        if self.level[0] <= 0 or self.level[1] > 1:
            raise ValueError("level must lie between 0 (exclusive) and 1")
        return self

    def build(self, sample_rate: Hertz, read_audio: ReadAudio | None) -> Saturation:
        return Saturation(self)


@final
class Saturation:
    """See SaturationConfig."""

    def __init__(self, config: SaturationConfig) -> None:
        self._config = config

    def __call__(
        self, waveforms: torch.Tensor, lengths: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        count = len(waveforms)
        share = uniform(count, self._config.level, generator)
        share = torch.where(chosen(count, self._config.probability, generator), share, 1.0)
        limit = share * waveforms.abs().amax(1, keepdim=True)
        return torch.minimum(torch.maximum(waveforms, -limit), limit), lengths
