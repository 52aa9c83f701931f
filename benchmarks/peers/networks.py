"""The networks that asrtrain's ``cnn`` and ``lstm`` are, as PyTorch's own modules make them: the same parameters."""

from __future__ import annotations

from typing import final

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

FEATURES, STACK, CLASSES = 39, 3, 10


def real(lengths: torch.Tensor, frames: int) -> torch.Tensor:
    """(B, T): which frames are no padding."""
    return torch.arange(frames) < lengths[:, None]


@final
class DigitNet(nn.Module):
    """Features (B, T, 39) and lengths (B,) to scores of classes (B, 10)."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        for below, here, pool in ((1, 16, (2, 2)), (16, 32, (2, 2)), (32, 64, (1, 2))):
            conv = nn.Conv2d(below, here, 3, padding=1, bias=False)
            blocks += [conv, nn.BatchNorm2d(here), nn.ReLU(), nn.MaxPool2d(pool, ceil_mode=True)]
        self.blocks = nn.Sequential(*blocks)
        self.over_time = nn.Conv1d(64 * 5, 128, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm1d(128)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(256, CLASSES)

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        maps = self.blocks(features[:, None])
        frames = functional.relu(self.norm(self.over_time(self.dropout(maps.transpose(2, 3).flatten(1, 2)))))
        mask = real((lengths + 3) // 4, frames.shape[2])[:, None]
        mean = (frames * mask).sum(2) / mask.sum(2)
        highest = frames.masked_fill(~mask, torch.finfo(frames.dtype).min).amax(2)
        scores: torch.Tensor = self.linear(self.dropout(torch.cat([mean, highest], 1)))
        return scores


@final
class StringNet(nn.Module):
    """Features (B, T, 117) and lengths (B,) to scores of the blank and ten words (B, T, 11)."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.lstm = nn.LSTM(STACK * FEATURES, 128, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(256, CLASSES + 1)

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        packed = pack_padded_sequence(features, lengths, batch_first=True, enforce_sorted=False)
        hidden, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        scores: torch.Tensor = self.linear(self.dropout(hidden))
        return scores
