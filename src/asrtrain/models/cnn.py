"""A small two-dimensional convolutional network over time and frequency (after LeCun et al., 1998)."""

from __future__ import annotations

from typing import Annotated, Literal, final

import torch
from pydantic import Field
from torch import nn

from asrtrain.models.activations import activation
from asrtrain.models.convolution import ConvBlock2d, FrameNorm, as_frames, as_image, feature_maps, pooled_size
from asrtrain.models.heads import Head
from asrtrain.models.interface import AcousticModel, ModelConfig
from asrtrain.models.masking import subsampled
from asrtrain.models.settings import ActivationName, Count, Counts, PoolingKind, Probability
from asrtrain.types import Scores


@final
class CNNConfig(ModelConfig):
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

    def build(self, input_size: int, output_size: int, *, per_frame: bool) -> AcousticModel:
        """Build the network."""
        return CNN(self, input_size, output_size, per_frame=per_frame)


@final
class CNN(AcousticModel):
    """(B, T, F) to (B, V), or to (B, T', V) with T' = ceil(T / 2^halve_time)."""

    def __init__(self, config: CNNConfig, input_size: int, output_size: int, *, per_frame: bool) -> None:
        super().__init__()
        self.feature_maps = config.feature_maps
        size = feature_maps(input_size, config.feature_maps)
        sizes = (config.feature_maps, *config.channels)
        self.time_factors = [2 if index < config.halve_time else 1 for index in range(len(config.channels))]
        self.blocks = nn.ModuleList(
            ConvBlock2d(below, here, (factor, 2), activation(config.activation))
            for below, here, factor in zip(sizes, config.channels, self.time_factors, strict=False)
        )
        self.dropout = nn.Dropout(config.dropout)
        joined = config.channels[-1] * pooled_size(size, [2] * len(config.channels))
        self.over_time = nn.Conv1d(joined, config.hidden_size, kernel_size=3, padding=1, bias=False)
        self.norm = FrameNorm(config.hidden_size, activation(config.activation))
        self.head = Head(
            config.hidden_size, output_size, per_frame=per_frame, pooling=config.pooling, dropout=config.dropout
        )

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> Scores:
        """Score a batch."""
        image = as_image(features, lengths, self.feature_maps)
        for block in self.blocks:
            image, lengths = block(image, lengths)
        frames = self.over_time(self.dropout(as_frames(image)).transpose(1, 2))
        scores: Scores = self.head(self.norm(frames, lengths).transpose(1, 2), lengths)
        return scores

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """ceil(T / 2^halve_time)."""
        for factor in self.time_factors:
            lengths = subsampled(lengths, factor)
        return lengths
