"""The training loop: steps, checkpoints, logs, averages, signals."""

from asrtrain.training.checkpoint import load_weights, read_metadata
from asrtrain.training.config import NonFiniteConfig, TrainingConfig
from asrtrain.training.interface import Batches, Ingredients, Outcome, Validation
from asrtrain.training.loop import train
from asrtrain.training.store import has_checkpoint

__all__ = [
    "Batches",
    "Ingredients",
    "NonFiniteConfig",
    "Outcome",
    "TrainingConfig",
    "Validation",
    "has_checkpoint",
    "load_weights",
    "read_metadata",
    "train",
]
