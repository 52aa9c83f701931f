"""A two-dimensional residual network over time and frequency (He et al., 2016)."""

from __future__ import annotations

from typing import Annotated, Literal, Self, final

import torch
from pydantic import Strict, model_validator
from torch import nn

from asrtrain.encoders.activations import activation
from asrtrain.encoders.convolution import FrameNorm, as_image, conv_over_image, image_maps
from asrtrain.encoders.interface import Encoder, EncoderConfig, Top
from asrtrain.encoders.masking import frame_mask, subsampled
from asrtrain.encoders.settings import ActivationName, Count, Counts, PoolingKind, Probability

STEM_KERNEL = 5


@final
class ResNetConfig(EncoderConfig):
    """A 5x5 convolution, blocks of two 3x3 convolutions with a shortcut around them, then one over all frequencies."""

    name: Literal["resnet"] = "resnet"
    channels: Counts = (16, 16, 32, 64)
    """Channels of the first convolution and of each block."""
    strides: Annotated[tuple[Count, ...], Strict(False)] = (2, 1, 2, 2)
    """By how much the first convolution and each block lower the frame rate, and the frequency axis with it."""
    hidden_size: Count = 96
    """Channels of the convolution over all frequencies that follows the blocks."""
    feature_maps: Count = 1
    """Treat the features as this many maps on one frequency axis: 3 for static, delta and delta-delta."""
    activation: ActivationName = "relu"
    """The nonlinearity."""
    pooling: PoolingKind = "mean+max"
    """How frames become one vector for classification."""
    dropout: Probability = 0.1
    """Dropout before the scores."""

    @model_validator(mode="after")
    def _one_stride_each(self) -> Self:
        if len(self.strides) != len(self.channels):
            raise ValueError(
                f"channels has {len(self.channels)} entries, so strides needs as many, not {len(self.strides)}"
            )
        return self

    @property
    def top(self) -> Top:
        return Top(self.pooling, self.dropout, glorot=True)

    def build(self, input_size: int, *, per_frame: bool) -> Encoder:
        """Build the network."""
        return ResNet(self, input_size)


@final
class ResidualBlock2d(nn.Module):
    """Two convolutions and a shortcut: (B, C, T, F) and lengths (B,) to (B, C', ceil(T / stride), F') and lengths."""

    axes = "BCT"

    def __init__(self, input_channels: int, channels: int, stride: int, kind: ActivationName) -> None:
        super().__init__()
        self.stride = stride
        self.first = nn.Conv2d(input_channels, channels, 3, stride, 1, bias=False)
        self.first_norm = FrameNorm(channels, activation(kind))
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.second_norm = FrameNorm(channels, nn.Identity())
        same = stride == 1 and input_channels == channels
        self.shortcut = None if same else nn.Conv2d(input_channels, channels, 1, stride, bias=False)
        self.shortcut_norm = None if same else FrameNorm(channels, nn.Identity())
        self.nonlinearity = activation(kind)

    def forward(self, image: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Add what the convolutions found to what came in."""
        lengths = subsampled(lengths, self.stride)
        found = self.first_norm(self.first(image), lengths)
        found = self.second_norm(self.second(found), lengths)
        if self.shortcut is not None and self.shortcut_norm is not None:
            image = self.shortcut_norm(self.shortcut(image), lengths)
        real = frame_mask(lengths, found.shape[2])[:, None, :, None]
        return self.nonlinearity(found + image).masked_fill(~real, 0.0), lengths


@final
class ResNet(Encoder):
    """(B, T, F) to (B, T', H) with T' = T divided by the strides, rounded up."""

    def __init__(self, config: ResNetConfig, input_size: int) -> None:
        super().__init__()
        self.strides, self.feature_maps = config.strides, config.feature_maps
        kind, channels = config.activation, config.channels
        size = image_maps(input_size, config.feature_maps)
        self.first = conv_over_image(config.feature_maps, channels[0], STEM_KERNEL, config.strides[0])
        self.first_norm = FrameNorm(channels[0], activation(kind))
        self.blocks = nn.ModuleList(
            ResidualBlock2d(below, here, stride, kind)
            for below, here, stride in zip(channels[:-1], channels[1:], config.strides[1:], strict=True)
        )
        for stride in config.strides:
            size = -(-size // stride)
        self.over_frequency = nn.Conv1d(channels[-1] * size, config.hidden_size, kernel_size=1, bias=False)
        self.norm = FrameNorm(config.hidden_size, activation(kind))
        self.output_size = config.hidden_size

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Encode a batch."""
        image = self.first(as_image(features, lengths, self.feature_maps))
        lengths = subsampled(lengths, self.strides[0])
        image = self.first_norm(image, lengths)
        for block in self.blocks:
            image, lengths = block(image, lengths)
        frames = self.over_frequency(image.transpose(2, 3).flatten(1, 2))
        return self.norm(frames, lengths).transpose(1, 2), lengths

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """T divided by the strides, rounded up."""
        for stride in self.strides:
            lengths = subsampled(lengths, stride)
        return lengths
