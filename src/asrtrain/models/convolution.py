"""Convolution over padded batches: whatever follows a convolution sees real frames only.

A convolution carries numbers across the end of an utterance into its padding, and a normalisation computed over padding
would make an utterance's scores depend on its neighbours. So after every convolution the real frames are picked out,
normalised, put through the nonlinearity and laid back between zeros.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import final

import torch
from torch import nn
from torch.nn import functional

from asrtrain.errors import UsageError
from asrtrain.models.masking import frame_mask, subsampled


@final
class FrameNorm(nn.Module):
    """Batch normalisation (Ioffe and Szegedy, 2015) over real frames only, and a nonlinearity.

    (B, C, T) or (B, C, T, F) and lengths (B,) to the same shape, ``padding`` beyond each length.
    """

    def __init__(self, channels: int, activation: nn.Module) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(channels)
        self.activation = activation

    def forward(self, signal: torch.Tensor, lengths: torch.Tensor, padding: float = 0.0) -> torch.Tensor:
        """Normalise the real frames."""
        # (B, T, [F,] C) is how channels_last lies in memory: a frame is one piece.
        last = signal.movedim(1, -1)
        frames = last.flatten(0, 1)
        real = frame_mask(lengths, last.shape[1]).flatten().nonzero().squeeze(1)
        kept: torch.Tensor = self.activation(self._normalise(frames.index_select(0, real)))
        laid_back = kept.new_full(frames.shape, padding).index_copy(0, real, kept)
        return laid_back.view(last.shape).movedim(-1, 1)

    def _normalise(self, frames: torch.Tensor) -> torch.Tensor:
        rows = frames.reshape(-1, frames.shape[-1])
        norm = self.norm
        # One row has no variance to learn from: it is normalised by what was learnt before.
        by_batch = self.training and len(rows) > 1
        normalised = functional.batch_norm(
            rows,
            norm.running_mean,
            norm.running_var,
            norm.weight,
            norm.bias,
            training=by_batch,
            momentum=norm.momentum or 0.0,
            eps=norm.eps,
        )
        return normalised.view(frames.shape)


@final
class ConvBlock2d(nn.Module):
    """3x3 convolution over time and frequency, normalisation, nonlinearity, maximum over ``pool`` (time, frequency).

    (B, C, T, F) and lengths (B,) to (B, C', ceil(T / pool[0]), ceil(F / pool[1])) and the new lengths.
    """

    def __init__(self, input_channels: int, channels: int, pool: tuple[int, int], activation: nn.Module) -> None:
        super().__init__()
        self.conv = nn.Conv2d(input_channels, channels, kernel_size=3, padding=1, bias=False)
        self.norm = FrameNorm(channels, activation)
        self.pool = pool

    def forward(self, signal: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Convolve and subsample."""
        signal = self.conv(signal)
        # The lowest number never wins the maximum, so a window that ends in padding sees its real frames alone.
        signal = self.norm(signal, lengths, padding=torch.finfo(signal.dtype).min)
        signal = functional.max_pool2d(signal, self.pool, ceil_mode=True)
        lengths = subsampled(lengths, self.pool[0])
        real = frame_mask(lengths, signal.shape[2])[:, None, :, None]
        return signal.masked_fill(~real, 0.0), lengths


def as_image(features: torch.Tensor, lengths: torch.Tensor, channels: int) -> torch.Tensor:
    """Features (B, T, F) as an image (B, ``channels``, T, F / channels), channels last, zero beyond each length."""
    batch, time, size = features.shape
    image = features.view(batch, time, channels, size // channels).transpose(1, 2)
    real = frame_mask(lengths, time)[:, None, :, None]
    return image.masked_fill(~real, 0.0).contiguous(memory_format=torch.channels_last)


def as_frames(image: torch.Tensor) -> torch.Tensor:
    """An image (B, C, T, F) as frames (B, T, C x F)."""
    return image.transpose(1, 2).flatten(2)


def feature_maps(input_size: int, maps: int) -> int:
    """Features a map when ``input_size`` are split into equal ``maps``; UsageError where they cannot be."""
    if input_size % maps:
        raise UsageError(
            f"model.feature_maps: {input_size} features a frame cannot be split into {maps} equal maps; "
            "use 1, or 1 + features.deltas"
        )
    return input_size // maps


def pooled_size(size: int, factors: Iterable[int]) -> int:
    """What is left of ``size`` after pooling by one factor after the other, the last window incomplete."""
    for factor in factors:
        size = -(-size // factor)
    return size
