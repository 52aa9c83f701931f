"""Encoders: from features to hidden frames. Adding one is one file and one line here."""

from asrtrain.encoders.cnn import CNNConfig
from asrtrain.encoders.cnn_rnn import CNNRNNConfig
from asrtrain.encoders.gru import GRUConfig
from asrtrain.encoders.interface import Encoder, EncoderConfig, Top
from asrtrain.encoders.lstm import LSTMConfig
from asrtrain.encoders.mlp import MLPConfig
from asrtrain.encoders.resnet import ResNetConfig
from asrtrain.encoders.rnn import RNNConfig
from asrtrain.encoders.softmax import SoftmaxConfig
from asrtrain.encoders.tc_resnet import TCResNetConfig

ENCODERS: dict[str, type[EncoderConfig]] = {
    "softmax": SoftmaxConfig,
    "mlp": MLPConfig,
    "cnn": CNNConfig,
    "resnet": ResNetConfig,
    "tc_resnet": TCResNetConfig,
    "rnn": RNNConfig,
    "lstm": LSTMConfig,
    "gru": GRUConfig,
    "cnn_rnn": CNNRNNConfig,
}

__all__ = ["ENCODERS", "Encoder", "EncoderConfig", "Top"]
