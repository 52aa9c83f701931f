"""All effects, in the order in which sound meets them: the speaker, the room, the microphone, the features."""

from __future__ import annotations

from typing import Annotated, final

import torch
from pydantic import BeforeValidator

from asrtrain.config import Config, Range
from asrtrain.features.augmentation.envelope import EnvelopeConfig
from asrtrain.features.augmentation.equaliser import EqualiserConfig
from asrtrain.features.augmentation.interface import EffectConfig, ReadAudio, WaveformEffect
from asrtrain.features.augmentation.noise import NoiseConfig
from asrtrain.features.augmentation.random_trim import RandomTrimConfig
from asrtrain.features.augmentation.reverberation import ReverberationConfig
from asrtrain.features.augmentation.saturation import SaturationConfig
from asrtrain.features.augmentation.shift import ShiftConfig
from asrtrain.features.augmentation.spec_augment import SpecAugment, SpecAugmentConfig
from asrtrain.features.augmentation.speed import SpeedConfig
from asrtrain.features.augmentation.volume import VolumeConfig
from asrtrain.features.augmentation.vtlp import VTLPConfig
from asrtrain.types import Hertz


def _range_alone(value: object) -> object:
    """``speed: [0.9, 1.1]`` means ``speed: {range: [0.9, 1.1]}``."""
    return {"range": value} if isinstance(value, list | tuple) else value


class AugmentationConfig(Config):
    """Changes made to the training data at random, new in every epoch; null is no change."""

    trim: RandomTrimConfig | None = None
    """Cuts both ends at a random threshold."""
    speed: Annotated[
        SpeedConfig | None, BeforeValidator(_range_alone, json_schema_input_type=SpeedConfig | Range | None)
    ] = None
    """Plays faster or slower; [low, high] is short for {range: [low, high]}."""
    envelope: EnvelopeConfig | None = None
    """Fades in and out, and lets the loudness waver."""
    shift: ShiftConfig | None = None
    """Adds silence to the ends, or cuts them off."""
    equaliser: EqualiserConfig | None = None
    """Filters with a random smooth response."""
    reverberation: ReverberationConfig | None = None
    """Adds a room."""
    noise: NoiseConfig | None = None
    """Adds noise."""
    saturation: SaturationConfig | None = None
    """Cuts peaks off."""
    volume: VolumeConfig | None = None
    """Makes louder or quieter."""
    vtlp: Annotated[
        VTLPConfig | None, BeforeValidator(_range_alone, json_schema_input_type=VTLPConfig | Range | None)
    ] = None
    """Stretches the frequency axis; [low, high] is short for {range: [low, high]}."""
    spec_augment: SpecAugmentConfig | None = None
    """Masks bands and frames."""

    def build(
        self, sample_rate: Hertz, *, bands: int | None = None, read_audio: ReadAudio | None = None
    ) -> Augmentation:
        """Build the effects for waveforms of this rate and features in blocks of ``bands`` (``FrontEnd.bands``).

        ``read_audio`` reads recorded noise and rooms. Raises DataError where that fails.
        """
        configs: tuple[EffectConfig | None, ...] = (
            self.trim, self.speed, self.envelope, self.shift, self.equaliser,
            self.reverberation, self.noise, self.saturation, self.volume,
        )  # fmt: skip
        effects = [config.build(sample_rate, read_audio) for config in configs if config is not None]
        masks = None if self.spec_augment is None else SpecAugment(self.spec_augment, bands)
        return Augmentation(effects, self.vtlp, masks)


@final
class Augmentation:
    """The effects in order. All randomness comes from the generator of the call: the same state, the same result."""

    def __init__(self, effects: list[WaveformEffect], vtlp: VTLPConfig | None, masks: SpecAugment | None) -> None:
        self._effects = effects
        self._vtlp = vtlp
        self._masks = masks

    @property
    def changes_waveforms(self) -> bool:
        """Whether features have to be computed anew in every epoch; if not, they can be cached."""
        return bool(self._effects) or self._vtlp is not None

    def waveforms(
        self, waveforms: torch.Tensor, lengths: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Change waveforms (B, S), zero beyond each length, and perhaps their lengths (B,)."""
        for effect in self._effects:
            waveforms, lengths = effect(waveforms, lengths, generator)
        return waveforms, lengths

    def warps(self, batch_size: int, generator: torch.Generator) -> torch.Tensor | None:
        """By what factor the front end is to stretch each utterance's frequency axis (B,); None: not at all."""
        return None if self._vtlp is None else self._vtlp.draw(batch_size, generator)

    def features(self, features: torch.Tensor, lengths: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Change features (B, T, F) of lengths (B,) frames."""
        return features if self._masks is None else self._masks(features, lengths, generator)
