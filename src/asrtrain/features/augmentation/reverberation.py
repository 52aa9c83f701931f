"""Rooms: convolution with impulse responses, made up or measured."""

from __future__ import annotations

from typing import Self, final

import torch
from pydantic import model_validator

from asrtrain.config import FilePath, Range
from asrtrain.features.augmentation.draws import chosen, decibels, log_uniform, uniform
from asrtrain.features.augmentation.interface import EffectConfig, Probability, ReadAudio
from asrtrain.features.augmentation.recordings import read_folder
from asrtrain.features.augmentation.spectral import fast_size
from asrtrain.features.lengths import real
from asrtrain.types import Hertz, Seconds

LONGEST: Seconds = 0.5
"""Measured responses are cut after this time."""


class ReverberationConfig(EffectConfig):
    """Puts utterances into rooms, each one of its own."""

    probability: Probability = 0.3
    """Share of the utterances that reverberate."""
    decay: Range = (0.05, 0.5)
    """Time in which the made-up reverberation falls by 60 dB (seconds, log-uniform)."""
    direct: Range = (0.0, 15.0)
    """How far the direct sound's energy lies above that of the made-up reverberation (dB)."""
    folder: FilePath | None = None
    """A folder of measured impulse responses, used in place of made-up ones."""

    @model_validator(mode="after")
    def _rooms_are_possible(self) -> Self:
        if self.decay[0] <= 0 or self.decay[1] > 10:
            raise ValueError("decay must lie between 0 (exclusive) and 10 seconds")
        return self

    def build(self, sample_rate: Hertz, read_audio: ReadAudio | None) -> Reverberation:
        if self.folder is None:
            return Reverberation(self, sample_rate, None)
        measured = [_from_direct(x, sample_rate) for x in read_folder(self.folder, sample_rate, read_audio)]
        return Reverberation(self, sample_rate, torch.nn.utils.rnn.pad_sequence(measured, batch_first=True))


@final
class Reverberation:
    """See ReverberationConfig; ``measured`` (N, R) are impulse responses, from the direct sound on."""

    def __init__(self, config: ReverberationConfig, sample_rate: Hertz, measured: torch.Tensor | None) -> None:
        self._config = config
        self._rate = sample_rate
        self._measured = measured

    def __call__(
        self, waveforms: torch.Tensor, lengths: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        rows = chosen(len(waveforms), self._config.probability, generator).nonzero()[:, 0]
        if not len(rows):
            return waveforms, lengths
        responses = self._responses(len(rows), generator)
        samples = waveforms.shape[1]
        size = fast_size(samples + responses.shape[1] - 1)
        spectrum = torch.fft.rfft(waveforms[rows], size) * torch.fft.rfft(responses, size)
        reverberant = torch.fft.irfft(spectrum, size)[:, :samples]
        return waveforms.index_copy(0, rows, reverberant * real(lengths[rows], samples)), lengths

    def _responses(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """(count, R): an impulse, and noise that dies away exponentially as far as 30 dB (Polack, 1988)."""
        if self._measured is not None:
            return self._measured[torch.randint(len(self._measured), (count,), generator=generator)]
        reach = round(self._config.decay[1] / 2 * self._rate)
        time = torch.arange(reach) / self._rate
        noise = torch.randn(count, reach, generator=generator)
        # 10^(−60/20) after the decay time: exp(−6.9·t/T60)
        tail = noise * torch.exp(-6.9078 * time / log_uniform(count, self._config.decay, generator))
        level = decibels(-uniform(count, self._config.direct, generator))
        tail = tail * level / tail.square().sum(1, keepdim=True).sqrt()
        tail[:, 0] += 1
        return tail


def _from_direct(response: torch.Tensor, sample_rate: Hertz) -> torch.Tensor:
    """A measured response from its greatest peak on, that peak being 1: levels and timing stay as they were."""
    peak = int(response.abs().argmax())
    return response[peak : peak + round(LONGEST * sample_rate)] / response[peak]
