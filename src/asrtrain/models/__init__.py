"""Acoustic models. Adding one is one file and one line here."""

from asrtrain.models.cnn import CNNConfig
from asrtrain.models.cnn_rnn import CNNRNNConfig
from asrtrain.models.gru import GRUConfig
from asrtrain.models.interface import AcousticModel, ModelConfig
from asrtrain.models.lstm import LSTMConfig
from asrtrain.models.mlp import MLPConfig
from asrtrain.models.resnet import ResNetConfig
from asrtrain.models.rnn import RNNConfig
from asrtrain.models.softmax import SoftmaxConfig
from asrtrain.models.tc_resnet import TCResNetConfig

MODELS: dict[str, type[ModelConfig]] = {
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

__all__ = ["MODELS", "AcousticModel", "ModelConfig"]
