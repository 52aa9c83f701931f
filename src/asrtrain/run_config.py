"""The whole configuration of a run: every component's own settings, joined in one tree."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from asrtrain.clipping import ClippingChoice
from asrtrain.clipping.norm import NormConfig
from asrtrain.clipping.thresholds import FixedConfig
from asrtrain.clipping.truncate import TruncateConfig
from asrtrain.config import Config, FilePath, OneOf
from asrtrain.data.data_config import DataConfig
from asrtrain.errors import UsageError
from asrtrain.features import FEATURES
from asrtrain.features.augmentation import AugmentationConfig
from asrtrain.features.interface import FrontEndConfig
from asrtrain.features.mfcc import MFCCConfig
from asrtrain.hmm import HMMS, DNNHMMConfig, HMMConfig, LFMMIConfig, TopologyConfig
from asrtrain.models import MODELS
from asrtrain.models.interface import ModelConfig
from asrtrain.objectives import OBJECTIVES
from asrtrain.objectives.cross_entropy import CrossEntropyConfig
from asrtrain.objectives.interface import ObjectiveConfig
from asrtrain.optim import OPTIMIZERS, SCHEDULES
from asrtrain.optim.adamw import AdamWConfig
from asrtrain.optim.interface import OptimizerConfig, ScheduleConfig
from asrtrain.optim.schedules.constant import ConstantConfig
from asrtrain.performance.config import (
    PERFORMANCE,
    AutoPerformanceConfig,
    FixedPerformanceConfig,
    PerformanceConfig,
)
from asrtrain.training import TrainingConfig
from asrtrain.types import Task

_OBJECTIVES: dict[str, type[ObjectiveConfig | LFMMIConfig]] = {**OBJECTIVES, "lf_mmi": LFMMIConfig}
_GRADIENT_KEYS = ("objective", "optimizer", "schedule", "clipping")
_GRADIENT_TRAINING = ("max_steps", "accum_grad", "precision", "average", "ema", "l1", "l2")


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
    model: Annotated[ModelConfig | HMMConfig, OneOf({**MODELS, **HMMS})]
    """The acoustic model: from feature frames to scores."""
    objective: Annotated[ObjectiveConfig | LFMMIConfig, OneOf(_OBJECTIVES)] = CrossEntropyConfig()
    """What is minimised; it decides whether words are classified or speech is transcribed."""
    optimizer: Annotated[OptimizerConfig, OneOf(OPTIMIZERS)] = AdamWConfig()
    """How the weights are changed."""
    schedule: Annotated[ScheduleConfig, OneOf(SCHEDULES)] = ConstantConfig()
    """How the learning rate changes over the run."""
    clipping: ClippingChoice = (NormConfig(threshold=FixedConfig(value=5.0)),)
    """What is done to gradients before the optimiser sees them: one rule, or an ordered list of rules."""
    training: TrainingConfig = TrainingConfig()
    """How long to train, on what batches, and what to keep."""
    performance: Annotated[PerformanceConfig, OneOf(PERFORMANCE)] = FixedPerformanceConfig()
    """How the machine is used: fixed, as written, or auto, as measured when a run begins."""

    @property
    def task(self) -> Task:
        """Whether single words are told apart, or speech is transcribed."""
        return "classification" if self.data.unit == "label" else "transcription"

    @property
    def fixed_performance(self) -> FixedPerformanceConfig:
        """How the machine is used. Raises UsageError where that is still to be measured."""
        if not isinstance(self.performance, FixedPerformanceConfig):
            raise UsageError(
                f"performance: {self.performance.name} is measured by asrtrain fit, for the run that it begins; write "
                "here what it wrote into that run's config.yaml, so that all runs of a comparison compute alike"
            )
        return self.performance

    def decided_as(self, other: RunConfig) -> RunConfig:
        """With what measuring has decided for another run, where this one leaves it to be measured."""
        if not isinstance(self.performance, AutoPerformanceConfig):
            return self
        precision = other.training.precision if self.training.precision == "fp32" else self.training.precision
        training = self.training.model_copy(update={"precision": precision})
        return self.model_copy(update={"performance": other.performance, "training": training})

    @model_validator(mode="after")
    def _hmm_is_trained_its_own_way(self) -> Self:
        if not isinstance(self.model, HMMConfig):
            return self
        if self.data.unit == "char":
            raise ValueError(
                f"model {self.model.name} recognises words, but data.unit is char; "
                "write data.unit: word, or label for single words (model.unit: char spells them in characters)"
            )
        if self.data.unit == "label" and isinstance(self.model, TopologyConfig) and self.model.language_model:
            raise ValueError(
                f"model.language_model {self.model.language_model.name} tells what follows what, but data.unit is "
                "label, a word alone: leave it out, or write data.unit: word"
            )
        if isinstance(self.model, DNNHMMConfig):
            self._frames_have_labels(self.model)
            return self
        idle = [
            *_changed(self, _GRADIENT_KEYS),
            *(f"training.{key}" for key in _changed(self.training, _GRADIENT_TRAINING)),
        ]
        if idle:
            raise ValueError(f"model {self.model.name} is trained without gradients: leave {', '.join(idle)} out")
        if self.training.patience is not None:
            raise ValueError(
                f"training.patience: mixtures of {self.model.name} grow until the last pass, which tunes the search: "
                "leave it out, and give fewer training.max_epochs"
            )
        return self

    def _frames_have_labels(self, model: DNNHMMConfig) -> None:
        if _changed(self, ("objective",)) and not isinstance(self.objective, LFMMIConfig):
            raise ValueError(
                f"model {model.name} has an objective of its own, cross-entropy by frame: leave it out or choose lf_mmi"
            )
        moving = [key for key in ("trim", "shift") if getattr(self.augmentation, key) is not None]
        if moving:
            raise ValueError(
                f"augmentation.{moving[0]} moves speech in time, away from the states that model.align_from found for "
                "its frames: leave it out"
            )

    @model_validator(mode="after")
    def _truncation_has_one_direction(self) -> Self:
        network = self.model.acoustic if isinstance(self.model, DNNHMMConfig) else self.model
        for i, rule in enumerate(self.clipping):
            if isinstance(rule, TruncateConfig) and rule.of == "bptt" and getattr(network, "bidirectional", False):
                raise ValueError(
                    f"clipping.{i} truncates backpropagation through time, and model.bidirectional is true: the end of "
                    "an utterance would act on its beginning all the same; write model.bidirectional: false, or "
                    "clipping: recurrent_zero"
                )
        return self

    @model_validator(mode="after")
    def _shards_are_enough(self) -> Self:
        if self.training.sharding == "none":
            return self
        if isinstance(self.model, HMMConfig):
            raise ValueError(f"model {self.model.name} is trained whole: leave training.sharding out")
        for i, rule in enumerate(self.clipping):
            if not rule.build(self.seed).takes_shards:
                raise ValueError(
                    f"clipping.{i}: {rule.name} with these settings needs whole tensors, of which training.sharding: "
                    "full leaves each process a shard: choose value, or norm with scope global, layer or tensor, or "
                    "leave training.sharding out"
                )
        return self

    @model_validator(mode="after")
    def _unit_serves_the_objective(self) -> Self:
        if isinstance(self.model, HMMConfig):
            return self
        if isinstance(self.objective, LFMMIConfig):
            raise ValueError(f"objective {self.objective.name} compares strings of states: it is for model: dnn_hmm")
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


def _changed(config: Config, keys: Sequence[str]) -> list[str]:
    """The keys whose values are not the default ones."""
    return [key for key in keys if getattr(config, key) != type(config).model_fields[key].default]
