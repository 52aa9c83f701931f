"""The whole configuration of a run: every component's own settings, joined in one tree."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from asrtrain.clipping import ClippingChoice
from asrtrain.clipping.norm import NormConfig
from asrtrain.clipping.thresholds import FixedConfig
from asrtrain.config import Config, FilePath, OneOf
from asrtrain.data.data_config import DataConfig
from asrtrain.features import FEATURES
from asrtrain.features.augmentation import AugmentationConfig
from asrtrain.features.interface import FrontEndConfig
from asrtrain.features.mfcc import MFCCConfig
from asrtrain.models import MODELS
from asrtrain.models.interface import ModelConfig
from asrtrain.objectives import OBJECTIVES
from asrtrain.objectives.cross_entropy import CrossEntropyConfig
from asrtrain.objectives.interface import ObjectiveConfig
from asrtrain.optim import OPTIMIZERS, SCHEDULES
from asrtrain.optim.adamw import AdamWConfig
from asrtrain.optim.interface import OptimizerConfig, ScheduleConfig
from asrtrain.optim.schedules.constant import ConstantConfig
from asrtrain.training import TrainingConfig


class RunConfig(Config):
    """One run, from recordings to a trained recogniser."""

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Decides initialisation, batches, augmentation and random thresholds: the same seed gives the same run."""
    output_dir: FilePath = Path("runs")
    """Run folders are made in here: <name of the configuration file>-<date>-<time>."""
    data: DataConfig
    """Recordings and what is said in them."""
    features: Annotated[FrontEndConfig, OneOf(FEATURES)] = MFCCConfig()
    """The front end: from waveforms to feature frames."""
    augmentation: AugmentationConfig = AugmentationConfig()
    """Changes made to the training recordings, new in every epoch."""
    model: Annotated[ModelConfig, OneOf(MODELS)]
    """The acoustic model: from feature frames to scores."""
    objective: Annotated[ObjectiveConfig, OneOf(OBJECTIVES)] = CrossEntropyConfig()
    """What is minimised; it decides whether words are classified or speech is transcribed."""
    optimizer: Annotated[OptimizerConfig, OneOf(OPTIMIZERS)] = AdamWConfig()
    """How the weights are changed."""
    schedule: Annotated[ScheduleConfig, OneOf(SCHEDULES)] = ConstantConfig()
    """How the learning rate changes over the run."""
    clipping: ClippingChoice = (NormConfig(threshold=FixedConfig(value=5.0)),)
    """What is done to gradients before the optimiser sees them: one rule, or an ordered list of rules."""
    training: TrainingConfig = TrainingConfig()
    """How long to train, on what batches, and what to keep."""

    @model_validator(mode="after")
    def _unit_serves_the_objective(self) -> Self:
        classifies, labels = self.objective.task == "classification", self.data.unit == "label"
        if classifies and not labels:
            raise ValueError(
                f"objective {self.objective.name} classifies whole recordings, but data.unit is {self.data.unit}; "
                "write data.unit: label, or choose objective: ctc"
            )
        if labels and not classifies:
            raise ValueError(
                f"objective {self.objective.name} transcribes, but data.unit is label; "
                "write data.unit: char or data.unit: word, or choose objective: cross_entropy"
            )
        return self
