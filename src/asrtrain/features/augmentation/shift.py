"""Silence added to, and speech cut off, both ends: the strongest augmentation from synthetic to human speech."""

from __future__ import annotations

from typing import Annotated, final

import torch
from pydantic import Field

from asrtrain.features.augmentation.draws import chosen, uniform
from asrtrain.features.augmentation.interface import EffectConfig, Probability, ReadAudio
from asrtrain.types import Hertz


class ShiftConfig(EffectConfig):
    """Moves each end of an utterance by itself, uniformly between cropping and padding."""

    probability: Probability = 1.0
    """Share of the ends that are moved."""
    pad: Annotated[float, Field(ge=0, le=60)] = 0.1
    """Up to so much silence is added at an end (seconds)."""
    crop: Annotated[float, Field(ge=0, le=60)] = 0.1
    """Up to so much is cut off an end (seconds)."""
    max_share: Annotated[float, Field(ge=0, lt=0.5)] = 0.2
    """No more than this share of the utterance is cut off an end."""

    def build(self, sample_rate: Hertz, read_audio: ReadAudio | None) -> Shift:
        return Shift(self, sample_rate)


@final
class Shift:
    """See ShiftConfig."""

    def __init__(self, config: ShiftConfig, sample_rate: Hertz) -> None:
        self._config = config
        self._rate = sample_rate

    def __call__(
        self, waveforms: torch.Tensor, lengths: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        before, after = self._moves(lengths, generator), self._moves(lengths, generator)
        kept = (lengths + before + after).clamp(min=1)
        place = torch.arange(int(kept.max())) - before[:, None]
        inside = (place >= 0) & (place < torch.minimum(lengths, lengths + after)[:, None])
        return waveforms.gather(1, place.clamp(0, waveforms.shape[1] - 1)) * inside, kept

    def _moves(self, lengths: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """By how many samples (B,) each utterance grows at one end; negative where it is cut."""
        config = self._config
        move = uniform(len(lengths), (-config.crop, config.pad), generator)[:, 0] * self._rate
        move = torch.maximum(move, -config.max_share * lengths).long()
        return torch.where(chosen(len(lengths), config.probability, generator)[:, 0], move, 0)
