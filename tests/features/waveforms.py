"""Tones that have one right answer, and batches of waveforms."""

from __future__ import annotations

from collections.abc import Sequence

import torch

RATE = 8000


def tone(hertz: float, seconds: float = 0.5, rate: int = RATE, level: float = 0.5) -> torch.Tensor:
    return level * torch.sin(2 * torch.pi * hertz * torch.arange(round(rate * seconds)) / rate)


def padded(waveforms: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.nn.utils.rnn.pad_sequence(list(waveforms), batch_first=True), torch.tensor([len(w) for w in waveforms])
