"""Gated recurrent units (Cho et al., 2014), in one or both directions."""

from __future__ import annotations

from typing import Literal, final

from torch import nn

from asrtrain.encoders.interface import Encoder, EncoderConfig, Top
from asrtrain.encoders.recurrence import recurrent_layers
from asrtrain.encoders.recurrent import RecurrentEncoder
from asrtrain.encoders.settings import Count, PoolingKind, Probability


def gru_cell(input_size: int, hidden_size: int) -> nn.GRU:
    """A one-way GRU layer."""
    return nn.GRU(input_size, hidden_size, batch_first=True)


@final
class GRUConfig(EncoderConfig):
    """A network of gated recurrent units."""

    name: Literal["gru"] = "gru"
    hidden_size: Count = 128
    """Units a layer and direction."""
    num_layers: Count = 1
    """Layers, one above the other."""
    bidirectional: bool = False
    """Read every utterance backwards too."""
    projection: Count | None = None
    """Project every layer's output linearly to this size; null for none."""
    pooling: PoolingKind = "mean+last"
    """How frames become one vector for classification."""
    dropout: Probability = 0.1
    """Dropout between layers and before the scores."""

    @property
    def top(self) -> Top:
        return Top(self.pooling, self.dropout, glorot=True)

    def build(self, input_size: int, *, per_frame: bool) -> Encoder:
        """Build the network."""
        layers = recurrent_layers(
            input_size,
            self.hidden_size,
            gru_cell,
            num_layers=self.num_layers,
            bidirectional=self.bidirectional,
            projection=self.projection,
            dropout=self.dropout,
        )
        return RecurrentEncoder(layers)
