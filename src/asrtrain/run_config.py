"""The whole configuration of a run: every component's own settings, joined in one tree."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from asrtrain.clipping import ClippingChoice
from asrtrain.clipping.norm import NormConfig
from asrtrain.clipping.thresholds import FixedConfig
from asrtrain.config import Config, FilePath, OneOf
from asrtrain.data.data_config import DataConfig
from asrtrain.data.vocabulary import Vocabulary
from asrtrain.encoders import ENCODERS
from asrtrain.encoders.interface import EncoderConfig
from asrtrain.errors import UsageError
from asrtrain.features import FEATURES
from asrtrain.features.augmentation import AugmentationConfig
from asrtrain.features.interface import FrontEndConfig
from asrtrain.features.mfcc import MFCCConfig
from asrtrain.heads import HEADS
from asrtrain.heads.cross_entropy import CrossEntropyConfig
from asrtrain.heads.interface import HeadBuilder, HeadConfig, RecogniserConfig
from asrtrain.hmm import HMM_HEADS, HMMS
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
    model: Annotated[EncoderConfig | RecogniserConfig, OneOf({**ENCODERS, **HMMS})]
    """The acoustic model: from feature frames to scores."""
    objective: Annotated[HeadConfig, OneOf({**HEADS, **HMM_HEADS})] = CrossEntropyConfig()
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

    @property
    def encoder(self) -> EncoderConfig:
        """The encoder's settings."""
        return self.model.encoder if isinstance(self.model, RecogniserConfig) else self.model

    @property
    def head(self) -> HeadBuilder:
        """What builds the head."""
        return self.model.head(self.objective) if isinstance(self.model, RecogniserConfig) else self.objective

    @property
    def scores_frames(self) -> bool:
        """Whether frames are scored; otherwise whole utterances are."""
        return isinstance(self.model, RecogniserConfig) or self.task == "transcription"

    def count_outputs(self, tokens: Vocabulary) -> int:
        """How many numbers a frame or an utterance is scored by. Raises DataError."""
        return self.model.count_outputs(tokens) if isinstance(self.model, RecogniserConfig) else len(tokens)

    def least_bytes(self, features: int, tokens: Vocabulary) -> int:
        """Memory that the head takes at least, beside a layer of scores. Raises DataError."""
        return self.model.least_bytes(features, tokens) if isinstance(self.model, RecogniserConfig) else 0

    @property
    def named_runs(self) -> Mapping[str, Path]:
        """Other runs that this one is trained by, by the key of ``model`` that names them."""
        return self.model.runs if isinstance(self.model, RecogniserConfig) else {}

    def with_named_runs(self, runs: Mapping[str, Path]) -> RunConfig:
        """The same, trained by these runs in place of those named."""
        return self.model_copy(update={"model": self.model.model_copy(update=dict(runs))})

    @property
    def is_reestimated(self) -> bool:
        """Whether passes of re-estimation train the model, and no gradients."""
        return isinstance(self.model, RecogniserConfig) and self.model.is_reestimated

    def value(self, key: str) -> Any:  # noqa: ANN401 - the value of any key
        """The value of a dotted key, as ``Run`` says."""
        found: Any = self
        for part in key.split("."):
            found = getattr(found, part, None)
        return found

    def changed(self, *keys: str) -> list[str]:
        """Those dotted keys whose values are not the default ones."""
        return [key for key in keys if self._is_changed(*key.rpartition("."))]

    def _is_changed(self, section: str, _: str, key: str) -> bool:
        owner: Config = self.value(section) if section else self
        return bool(getattr(owner, key) != type(owner).model_fields[key].default)

    @model_validator(mode="after")
    def _components_go_together(self) -> Self:
        """Every component checks itself against the rest; the first that complains is heard."""
        self.model.check_with(self)
        for place, rule in enumerate(self.clipping):
            rule.check_with(self, f"clipping.{place}")
        if not isinstance(self.model, RecogniserConfig):
            self.objective.check_with(self)
        return self
