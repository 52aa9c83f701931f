"""Loudness that rises, wavers and dies away, as human speakers' does.

A synthesiser speaks the last sound of a word as loudly as the first; people let it decay by 15 to 25 dB over the last
third. Without this effect a recogniser trained on synthetic speech takes every decaying word for one that ends in
silence.
"""

from __future__ import annotations

from typing import Annotated, final

import torch
from pydantic import Field
from torch.nn import functional

from asrtrain.config import Range
from asrtrain.features.augmentation.draws import chosen, decibels, uniform
from asrtrain.features.augmentation.interface import EffectConfig, Probability, ReadAudio
from asrtrain.features.lengths import real
from asrtrain.types import Hertz

POINTS = 128
"""Envelopes are drawn at so many points an utterance, and straight between them."""

KNOTS = 6
"""Independent points of the wobble."""


class EnvelopeConfig(EffectConfig):
    """Fades utterances in and out, and lets their loudness waver."""

    probability: Probability = 0.8
    """Share of the utterances that each of the three befalls."""
    fade_out: Range = (5.0, 40.0)
    """By how much the end is quieter (dB)."""
    fade_out_span: Range = (0.1, 0.6)
    """Over which share of the utterance it becomes so."""
    fade_in: Range = (0.0, 10.0)
    """By how much the beginning is quieter (dB)."""
    fade_in_span: Range = (0.03, 0.3)
    """Over which share of the utterance it recovers."""
    wobble: Annotated[float, Field(ge=0, le=24)] = 3.0
    """Standard deviation of the wavering (dB)."""

    def build(self, sample_rate: Hertz, read_audio: ReadAudio | None) -> Envelope:
        return Envelope(self)


@final
class Envelope:
    """See EnvelopeConfig."""

    def __init__(self, config: EnvelopeConfig) -> None:
        self._config = config

    def __call__(
        self, waveforms: torch.Tensor, lengths: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        count, samples = waveforms.shape
        place = torch.linspace(0, 1, POINTS)[None]
        level = self._fade(1 - place, self._config.fade_out, self._config.fade_out_span, count, generator)
        level = level + self._fade(place, self._config.fade_in, self._config.fade_in_span, count, generator)
        level = level + self._waver(count, generator)
        # Each utterance has its own length, so each sample looks up its own place in its utterance's envelope.
        position = torch.arange(samples) / (lengths[:, None] - 1).clamp(min=1) * (POINTS - 1)
        below = position.long().clamp_(max=POINTS - 2)
        gains = decibels(level)
        first, second = gains.gather(1, below), gains.gather(1, below + 1)
        return waveforms * torch.lerp(first, second, position - below) * real(lengths, samples), lengths

    def _fade(
        self,
        distance: torch.Tensor,
        depth: tuple[float, float],
        span: tuple[float, float],
        count: int,
        generator: torch.Generator,
    ) -> torch.Tensor:
        """(B, POINTS) dB, from 0 down to the depth where ``distance`` (1, POINTS) from the end is 0."""
        reach = uniform(count, span, generator).clamp(min=1e-3)
        quieter = uniform(count, depth, generator) * (1 - distance / reach).clamp(min=0)
        return -torch.where(chosen(count, self._config.probability, generator), quieter, 0.0)

    def _waver(self, count: int, generator: torch.Generator) -> torch.Tensor:
        drawn = self._config.wobble * torch.randn(count, 1, KNOTS, generator=generator)
        wavy = functional.interpolate(drawn, size=POINTS, mode="linear", align_corners=True)[:, 0]
        return torch.where(chosen(count, self._config.probability, generator), wavy, 0.0)
