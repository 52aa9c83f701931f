"""Convolution over padded batches: whatever follows a convolution sees real frames only.

A convolution carries numbers across the end of an utterance into its padding, and a normalisation computed over padding
would make an utterance's scores depend on its neighbours. So after every convolution the real frames are normalised by
themselves, and stand between zeros again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import nn
from torch.nn import functional

from asrtrain.encoders.activations import activation
from asrtrain.encoders.masking import frame_mask, subsampled, zero_padding
from asrtrain.encoders.normal_maxima import Window, normal_maxima
from asrtrain.encoders.real_frames import RealFrames, normalised
from asrtrain.encoders.settings import ActivationName
from asrtrain.encoders.synchronised import processes, synchronised_batch_norm
from asrtrain.errors import UsageError

THROUGH_ZERO = (nn.Identity, nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Mish, nn.Hardtanh, nn.Tanh)
"""Nonlinearities that leave zeros alone."""

FALLING = (nn.GELU, nn.SiLU, nn.Mish)
"""Nonlinearities that are lower somewhere than at a smaller number."""


@final
class FrameNorm(nn.Module):
    """Batch normalisation (Ioffe and Szegedy, 2015) over real frames only, a nonlinearity, and perhaps maxima.

    (B, C, T) or (B, C, T, F) and lengths (B,) to the same shape, zero beyond each length; or with ``pool`` to the
    largest of every window, (B, C, ceil(T / pool[0]), ceil(F / pool[1])), for which the signal's padding is written
    over. Processes that train together normalise over the frames of them all.
    """

    axes = "BCT"

    def __init__(self, channels: int, nonlinearity: nn.Module) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(channels)
        self.nonlinearity = nonlinearity

    def forward(self, signal: torch.Tensor, lengths: torch.Tensor, pool: Window | None = None) -> torch.Tensor:
        """Normalise the real frames."""
        if pool is None:
            return self._all(signal, lengths, 0.0)
        left, size = subsampled(lengths, pool[0]), -(-signal.shape[2] // pool[0])
        if self._maxima_come_first(signal):
            real, signal = RealFrames(lengths, signal.shape[2]), _channels_last(signal)
            by_batch = self._by_batch(real.count * signal.shape[3])
            return normal_maxima(signal, real, RealFrames(left, size), self.norm, pool, by_batch=by_batch)
        # The lowest number never wins the maximum, so a window that ends in padding sees its real frames alone.
        signal = self._all(signal, lengths, torch.finfo(signal.dtype).min)
        signal = functional.max_pool2d(signal, pool, ceil_mode=True)
        return signal.masked_fill(~frame_mask(left, size)[:, None, :, None], 0.0)

    def _all(self, signal: torch.Tensor, lengths: torch.Tensor, padding: float) -> torch.Tensor:
        """Every real frame, and ``padding`` beyond each length."""
        # (B, T, [F,] C) is how channels_last lies in memory: a frame is one piece.
        last = signal.movedim(1, -1)
        frames, real = last.flatten(0, 1), RealFrames(lengths, last.shape[1])
        identity = isinstance(self.nonlinearity, nn.Identity)
        normal = self._normalise(frames, real, padding if identity else 0.0).view(last.shape).movedim(-1, 1)
        if identity:
            return normal
        answer: torch.Tensor = self.nonlinearity(normal)
        if padding == 0.0 and isinstance(self.nonlinearity, THROUGH_ZERO):
            return answer
        padded = ~frame_mask(lengths, answer.shape[2]).view(len(lengths), 1, -1, *[1] * (answer.dim() - 3))
        return answer.masked_fill(padded, padding)

    def _maxima_come_first(self, signal: torch.Tensor) -> bool:
        """Whether they may be taken before they are normalised. torch's kernels fail where there is nothing at all."""
        if signal.device.type != "cpu" or not len(signal) or (self.norm.training and processes() > 1):
            return False
        return self.rises()

    def rises(self) -> bool:
        """Whether the larger of two numbers stays so: as far as the signs of the gains tell, without a nonlinearity."""
        return isinstance(self.nonlinearity, nn.Identity) and bool((self.norm.weight >= 0).all())

    def _by_batch(self, rows: int) -> bool:
        """Whether the batch itself says how it is normalised: a single row goes by what was learnt before."""
        return self.norm.training and rows > 1

    def _normalise(self, frames: torch.Tensor, real: RealFrames, padding: float) -> torch.Tensor:
        """Frames (B·T, [F,] C) to the same shape."""
        norm, size = self.norm, frames.shape[-1]
        by_batch = self._by_batch(real.count * frames.shape[1:].numel() // size)
        together = norm.training and processes() > 1
        if frames.device.type == "cpu" and real.count and not together:
            return normalised(frames, real, norm, by_batch=by_batch, padding=padding)
        rows = real.together(frames).reshape(-1, size)
        if together:
            rows = synchronised_batch_norm(rows, norm)
        else:
            rows = functional.batch_norm(
                rows,
                norm.running_mean,
                norm.running_var,
                norm.weight,
                norm.bias,
                training=by_batch,
                momentum=norm.momentum or 0.0,
                eps=norm.eps,
            )
        kept = rows.view(real.count, *frames.shape[1:])
        return kept.new_full(frames.shape, padding).index_copy(0, real.places, kept)


@final
class ConvBlock2d(nn.Module):
    """3x3 convolution over time and frequency, normalisation, nonlinearity, maximum over ``pool`` (time, frequency).

    (B, C, T, F) and lengths (B,) to (B, C', ceil(T / pool[0]), ceil(F / pool[1])) and the new lengths.
    """

    axes = "BCT"

    def __init__(self, input_channels: int, channels: int, pool: tuple[int, int], nonlinearity: nn.Module) -> None:
        super().__init__()
        # The maximum of what never falls is that of its argument, and there are fewer numbers left after it.
        falls = isinstance(nonlinearity, FALLING)
        self.conv = conv_over_image(input_channels, channels, 3)
        self.norm = FrameNorm(channels, nonlinearity if falls else nn.Identity())
        self.nonlinearity = nn.Identity() if falls else nonlinearity
        self.pool = pool

    def forward(self, signal: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Convolve and subsample."""
        signal = self.nonlinearity(self.norm(self.conv(signal), lengths, self.pool))
        lengths = subsampled(lengths, self.pool[0])
        if isinstance(self.nonlinearity, THROUGH_ZERO):
            return signal, lengths
        return signal.masked_fill(~frame_mask(lengths, signal.shape[2])[:, None, :, None], 0.0), lengths


@final
class ConvStack(nn.Module):
    """Blocks of 3x3 convolution; each halves frequency, the first ``halve_time`` halve the frame rate too.

    Features (B, T, F) and lengths (B,) to (B, T', ``output_size``) and the new lengths, T' = ceil(T / 2^halve_time).
    Raises UsageError if F cannot be split into ``feature_maps`` equal parts.
    """

    def __init__(
        self, input_size: int, channels: Sequence[int], *, halve_time: int, feature_maps: int, kind: ActivationName
    ) -> None:
        super().__init__()
        self.feature_maps = feature_maps
        self.blocks = nn.ModuleList()
        self.time_factors = [2] * halve_time + [1] * (len(channels) - halve_time)
        size, below = image_maps(input_size, feature_maps), feature_maps
        for factor, here in zip(self.time_factors, channels, strict=True):
            self.blocks.append(ConvBlock2d(below, here, (factor, 2), activation(kind)))
            size, below = -(-size // 2), here
        self.output_size = channels[-1] * size

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Convolve and subsample."""
        image = as_image(features, lengths, self.feature_maps)
        for block in self.blocks:
            image, lengths = block(image, lengths)
        if image.requires_grad:
            # As it comes it lies as the frames do, and the nonlinearity would read two layouts side by side, which
            # takes ten times as long.
            image.register_hook(_channels_last)  # type: ignore[no-untyped-call]
        return image.transpose(1, 2).flatten(2), lengths

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """ceil(T / 2^halve_time)."""
        for factor in self.time_factors:
            lengths = subsampled(lengths, factor)
        return lengths


def _channels_last(image: torch.Tensor) -> torch.Tensor:
    return image.contiguous(memory_format=torch.channels_last)


def image_maps(input_size: int, feature_maps: int) -> int:
    """The frequency axis F / ``feature_maps`` of features seen as maps. Raises UsageError where F does not divide."""
    if input_size % feature_maps:
        raise UsageError(
            f"model.feature_maps: {input_size} features a frame cannot be split into {feature_maps} equal maps; "
            "use 1, or 1 + features.deltas"
        )
    return input_size // feature_maps


def as_image(features: torch.Tensor, lengths: torch.Tensor, feature_maps: int) -> torch.Tensor:
    """Features (B, T, F) as images (B, maps, T, F / maps), zero beyond each length, channels last in memory."""
    batch, time, size = features.shape
    maps = zero_padding(features, lengths).view(batch, time, feature_maps, size // feature_maps)
    return _channels_last(maps.transpose(1, 2))


def conv_over_image(input_channels: int, channels: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """A convolution with ``kernel`` // 2 zeros around the image, whose answers are channels last in memory.

    An image of one map lies both ways; what comes of it, and how fast everything behind it is, goes by the weights.
    """
    conv = nn.Conv2d(input_channels, channels, kernel, stride, kernel // 2, bias=False)
    if input_channels == 1:
        conv.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return conv


def check_halvings(halve_time: int, channels: Sequence[int]) -> None:
    """Raise ValueError where more blocks are to halve the frame rate than there are."""
    if halve_time > len(channels):
        raise ValueError(
            f"halve_time: {halve_time} blocks cannot halve the frame rate when channels lists {len(channels)}; "
            f"use at most {len(channels)}"
        )
