"""Acoustic models. Adding one is one file and one line here."""

from asrtrain.models.cnn import CNNConfig
from asrtrain.models.gru import GRUConfig
from asrtrain.models.interface import AcousticModel, ModelConfig
from asrtrain.models.lstm import LSTMConfig
from asrtrain.models.rnn import RNNConfig

MODELS: dict[str, type[ModelConfig]] = {
    "cnn": CNNConfig,
    "rnn": RNNConfig,
    "lstm": LSTMConfig,
    "gru": GRUConfig,
}

__all__ = ["MODELS", "AcousticModel", "ModelConfig"]
