"""Long short-term memory (Hochreiter and Schmidhuber, 1997), in one or both directions."""

from __future__ import annotations

from typing import Literal, final

import torch

from asrtrain.encoders.interface import Encoder, EncoderConfig, Top
from asrtrain.encoders.one_way_lstm import LSTM
from asrtrain.encoders.recurrence import recurrent_layers
from asrtrain.encoders.recurrent import RecurrentEncoder
from asrtrain.encoders.settings import Count, PoolingKind, Probability


def lstm_cell(input_size: int, hidden_size: int) -> LSTM:
    """A one-way LSTM layer whose forget gates start open (bias 1: Jozefowicz et al., 2015)."""
    layer = LSTM(input_size, hidden_size)
    forget = slice(hidden_size, 2 * hidden_size)
    with torch.no_grad():
        layer.get_parameter("bias_ih_l0")[forget] = 1.0
        layer.get_parameter("bias_hh_l0")[forget] = 0.0
    return layer


@final
class LSTMConfig(EncoderConfig):
    """A long short-term memory network."""

    name: Literal["lstm"] = "lstm"
    hidden_size: Count = 128
    """Memory cells a layer and direction."""
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
            lstm_cell,
            num_layers=self.num_layers,
            bidirectional=self.bidirectional,
            projection=self.projection,
            dropout=self.dropout,
        )
        return RecurrentEncoder(layers)
