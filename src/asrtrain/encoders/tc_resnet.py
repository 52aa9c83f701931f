"""A one-dimensional residual network over time, features as channels (TC-ResNet: Choi et al., 2019)."""

from __future__ import annotations

from typing import Annotated, Literal, Self, final

import torch
from pydantic import Strict, model_validator
from torch import nn

from asrtrain.encoders.activations import activation
from asrtrain.encoders.convolution import FrameNorm
from asrtrain.encoders.interface import Encoder, EncoderConfig, Top
from asrtrain.encoders.masking import frame_mask, subsampled, zero_padding
from asrtrain.encoders.settings import ActivationName, Count, Counts, PoolingKind, Probability


@final
class TCResNetConfig(EncoderConfig):
    """A temporal residual network: a first convolution, then blocks of two with a shortcut around them."""

    name: Literal["tc_resnet"] = "tc_resnet"
    channels: Counts = (64, 64, 96, 128)
    """Channels of the first convolution and of each block."""
    strides: Annotated[tuple[Count, ...], Strict(False)] = (2, 2, 1)
    """By how much each block lowers the frame rate."""
    kernel_size: Count = 9
    """Frames a convolution in a block sees; odd."""
    activation: ActivationName = "relu"
    """The nonlinearity."""
    pooling: PoolingKind = "mean+max"
    """How frames become one vector for classification."""
    dropout: Probability = 0.2
    """Dropout before the scores."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(self.strides) != len(self.channels) - 1:
            raise ValueError(
                f"channels has {len(self.channels)} entries, so strides needs {len(self.channels) - 1} (one a block), "
                f"not {len(self.strides)}"
            )
        if self.kernel_size % 2 == 0:
            raise ValueError(f"kernel_size: {self.kernel_size} is even; use {self.kernel_size + 1}")
        return self

    @property
    def top(self) -> Top:
        return Top(self.pooling, self.dropout, glorot=True)

    def build(self, input_size: int, *, per_frame: bool) -> Encoder:
        """Build the network."""
        return TCResNet(self, input_size)


@final
class ResidualBlock(nn.Module):
    """Two convolutions and a shortcut: (B, C, T) and lengths (B,) to (B, C', ceil(T / stride)) and lengths."""

    axes = "BCT"

    def __init__(self, input_channels: int, channels: int, stride: int, config: TCResNetConfig) -> None:
        super().__init__()
        kernel = config.kernel_size
        self.stride = stride
        self.first = nn.Conv1d(input_channels, channels, kernel, stride, kernel // 2, bias=False)
        self.first_norm = FrameNorm(channels, activation(config.activation))
        self.second = nn.Conv1d(channels, channels, kernel, padding=kernel // 2, bias=False)
        self.second_norm = FrameNorm(channels, nn.Identity())
        same = stride == 1 and input_channels == channels
        self.shortcut = None if same else nn.Conv1d(input_channels, channels, 1, stride, bias=False)
        self.shortcut_norm = None if same else FrameNorm(channels, nn.Identity())
        self.nonlinearity = activation(config.activation)

    def forward(self, signal: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Add what the convolutions found to what came in."""
        lengths = subsampled(lengths, self.stride)
        found = self.first_norm(self.first(signal), lengths)
        found = self.second_norm(self.second(found), lengths)
        if self.shortcut is not None and self.shortcut_norm is not None:
            signal = self.shortcut_norm(self.shortcut(signal), lengths)
        real = frame_mask(lengths, found.shape[2]).unsqueeze(1)
        return self.nonlinearity(found + signal).masked_fill(~real, 0.0), lengths


@final
class TCResNet(Encoder):
    """(B, T, F) to (B, T', H) with T' = T divided by the strides, rounded up."""

    def __init__(self, config: TCResNetConfig, input_size: int) -> None:
        super().__init__()
        self.strides = config.strides
        self.first = nn.Conv1d(input_size, config.channels[0], kernel_size=3, padding=1, bias=False)
        self.first_norm = FrameNorm(config.channels[0], activation(config.activation))
        self.blocks = nn.ModuleList(
            ResidualBlock(below, here, stride, config)
            for below, here, stride in zip(config.channels[:-1], config.channels[1:], config.strides, strict=True)
        )
        self.output_size = config.channels[-1]

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Encode a batch."""
        signal = self.first(zero_padding(features, lengths).transpose(1, 2))
        signal = self.first_norm(signal, lengths)
        for block in self.blocks:
            signal, lengths = block(signal, lengths)
        return signal.transpose(1, 2), lengths

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """T divided by the strides, rounded up."""
        for stride in self.strides:
            lengths = subsampled(lengths, stride)
        return lengths
