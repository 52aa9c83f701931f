"""The training loop: steps, checkpoints, logs, averages, signals."""

from asrtrain.training.checkpoint import load_tensors, load_weights, put_weights, read_metadata, weights_hash
from asrtrain.training.config import NonFiniteConfig, TrainingConfig
from asrtrain.training.interface import Batches, Ingredients, Outcome, Validation
from asrtrain.training.journal import clipping_in_words
from asrtrain.training.loop import train
from asrtrain.training.records import StepRecord
from asrtrain.training.run_log import read_steps
from asrtrain.training.step import Updater, check_together
from asrtrain.training.store import has_checkpoint
from asrtrain.training.world import World, joined_world, local_rank

__all__ = [
    "Batches",
    "Ingredients",
    "NonFiniteConfig",
    "Outcome",
    "StepRecord",
    "TrainingConfig",
    "Updater",
    "Validation",
    "World",
    "check_together",
    "clipping_in_words",
    "has_checkpoint",
    "joined_world",
    "load_tensors",
    "load_weights",
    "local_rank",
    "put_weights",
    "read_metadata",
    "read_steps",
    "train",
    "weights_hash",
]
