"""A small two-dimensional convolutional network over time and frequency (after LeCun et al., 1998)."""

from __future__ import annotations

from typing import Annotated, Literal, Self, final

import torch
from pydantic import Field, model_validator
from torch import nn

from asrtrain.encoders.activations import activation
from asrtrain.encoders.convolution import ConvStack, FrameNorm, check_halvings
from asrtrain.encoders.dropout import Dropout
from asrtrain.encoders.interface import Encoder, EncoderConfig, Top
from asrtrain.encoders.settings import ActivationName, Count, Counts, PoolingKind, Probability


@final
class CNNConfig(EncoderConfig):
    """Blocks of 3x3 convolution, each halving frequency and the first ones time, then a convolution over time."""

    name: Literal["cnn"] = "cnn"
    channels: Counts = (16, 32, 64)
    """Channels of each block."""
    halve_time: Annotated[int, Field(ge=0)] = 2
    """How many blocks, from the first, halve the frame rate."""
    hidden_size: Count = 128
    """Channels of the convolution over time that follows the blocks."""
    feature_maps: Count = 1
    """Treat the features as this many maps on one frequency axis: 3 for static, delta and delta-delta."""
    activation: ActivationName = "relu"
    """The nonlinearity."""
    pooling: PoolingKind = "mean+max"
    """How frames become one vector for classification."""
    dropout: Probability = 0.2
    """Dropout before the convolution over time and before the scores."""

    @model_validator(mode="after")
    def _halvings(self) -> Self:
        check_halvings(self.halve_time, self.channels)
        return self

    @property
    def top(self) -> Top:
        return Top(self.pooling, self.dropout, glorot=True)

    def build(self, input_size: int, *, per_frame: bool) -> Encoder:
        """Build the network."""
        return CNN(self, input_size)


@final
class CNN(Encoder):
    """(B, T, F) to (B, T', H) with T' = ceil(T / 2^halve_time)."""

    def __init__(self, config: CNNConfig, input_size: int) -> None:
        super().__init__()
        self.front = ConvStack(
            input_size,
            config.channels,
            halve_time=config.halve_time,
            feature_maps=config.feature_maps,
            kind=config.activation,
        )
        self.dropout = Dropout(config.dropout)
        self.over_time = nn.Conv1d(self.front.output_size, config.hidden_size, kernel_size=3, padding=1, bias=False)
        self.norm = FrameNorm(config.hidden_size, activation(config.activation))
        self.strides = tuple(self.front.time_factors)
        self.output_size = config.hidden_size

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Encode a batch."""
        frames, lengths = self.front(features, lengths)
        frames = self.over_time(self.dropout(frames).transpose(1, 2))
        return self.norm(frames, lengths).transpose(1, 2), lengths

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """ceil(T / 2^halve_time)."""
        return self.front.output_lengths(lengths)
