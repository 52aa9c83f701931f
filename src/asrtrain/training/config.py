"""Settings of the training loop."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, Strict, model_validator

from asrtrain.config import Config
from asrtrain.training.injection import InjectionConfig
from asrtrain.training.watch import ExplainConfig

DEFAULT_BATCH_SIZE = 32

Reaction = Literal["abort", "skip", "drop_utterance", "rollback"]


class NonFiniteConfig(Config):
    """What to do when a loss or a gradient is not a number, or infinite.

    abort ends the run with exit code 4 and names the utterances. skip takes no step: weights, optimiser, schedule,
    average and clipping stay as they are. drop_utterance takes the step without the utterances that are at fault.
    rollback takes no step and goes back to the last weights that were set aside, with optimiser, schedule, average and
    clipping, while the data go on. Every faulty step is counted, and told of in nonfinite.jsonl in the run folder.
    """

    loss: Reaction = "abort"
    """What to do about a loss: abort, skip, drop_utterance or rollback."""
    gradient: Reaction = "abort"
    """What to do about a gradient that is not finite although the loss is: the same choice."""
    consecutive: Annotated[int, Field(gt=0)] = 10
    """So many faulty steps in a row end the run."""
    per_epoch: Annotated[float, Field(gt=0, le=1)] = 0.1
    """A larger share of an epoch's steps being faulty ends the run."""
    rollback_interval: Annotated[int, Field(gt=0)] = 100
    """Steps between weights set aside for rollback; they are at every regular checkpoint too."""

    def chosen(self, reaction: Reaction) -> bool:
        """Whether a loss or a gradient is answered so."""
        return reaction in (self.loss, self.gradient)


class TrainingConfig(Config):
    """How long to train, on what batches, and what to keep."""

    max_epochs: Annotated[int, Field(gt=0)] = 20
    """Passes over the training data."""
    max_steps: Annotated[int, Field(gt=0)] | None = None
    """Stop after so many optimiser steps, if that comes first; schedules come down to there."""
    batch_size: Annotated[int, Field(gt=0)] | None = None
    """Utterances a batch; 32 where neither this nor batch_seconds is given."""
    batch_seconds: Annotated[float, Field(gt=0)] | None = None
    """Seconds of padded audio a batch, in place of batch_size."""
    batch_limit: Annotated[float, Field(gt=0)] | None = None
    """The most seconds of padded audio in a batch, whatever its size; a recording that is longer is refused. Null takes
    ten times what a batch of recordings of median length has, 120 s at least, which usual recordings never reach."""
    length_jitter: Annotated[float, Field(ge=0, lt=1)] = 0.02
    """Lengths are blurred by this share before sorting into batches: 0 pads least, more mixes more."""
    accum_grad: Annotated[int, Field(gt=0)] = 1
    """Batches whose gradients make one optimiser step."""
    sharding: Literal["none", "full"] = "none"
    """full: of weights, gradients and optimiser state every process holds a shard (FSDP2), so that together they can
    train what does not fit one GPU; it costs time, and pays for nothing else. One process alone holds everything."""
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    """Arithmetic of the forward pass; fp16 scales the loss."""
    best_by: Literal["metric", "loss"] = "metric"
    """What makes an epoch the best one, of the development part: its metric (accuracy or WER, where equal the loss), or
    its loss, which is steadier where that part is small or easy. All WERs above 0.9 are equal, so that the loss decides
    while hardly a word is right. Patience and average_of go by the same."""
    patience: Annotated[int, Field(gt=0)] | None = None
    """Stop after so many epochs without a better one."""
    average: Annotated[int, Field(ge=0)] = 0
    """Average the weights of so many epochs at the end, as checkpoint "average"; 0 makes none. Averages, those of ema
    too, get the statistics of batch normalisation that the first 20 batches of the epoch have with them."""
    average_of: Literal["best", "last"] = "best"
    """Which epochs are averaged: the best (see best_by), or the last."""
    ema: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Decay of an exponential moving average of the weights, which is then what is validated and kept."""
    l1: Annotated[float, Field(ge=0)] = 0.0
    """Coupled L1: this times sign(weight) is added to the gradient of weight matrices; see penalties."""
    l2: Annotated[float, Field(ge=0)] = 0.0
    """Coupled L2: this times the weight is added to the gradient of weight matrices; see penalties."""
    penalties: Literal["after_clipping", "before_clipping"] = "after_clipping"
    """When l1 and l2 are added: to the clipped gradient, so that no penalty is lost and the sum may exceed the
    threshold, or before it is measured and clipped, so that the threshold holds for both together."""
    on_nonfinite: NonFiniteConfig = NonFiniteConfig()
    """What to do about losses and gradients that are not finite."""
    explain: ExplainConfig = ExplainConfig()
    """Which steps the run explains by itself; asrtrain explain does so for any."""
    inject: Annotated[tuple[InjectionConfig, ...], Strict(False)] = ()
    """Faults to plant on purpose, to see what the run does about them and whether they are found."""
    log_interval: Annotated[int, Field(gt=0)] = 50
    """Steps between writes of the measurements (all steps are written)."""
    checkpoint_interval: Annotated[int, Field(gt=0)] | None = None
    """Steps between checkpoints; null saves after each epoch only."""
    keep_checkpoints: Annotated[int, Field(ge=1)] = 2
    """How many of the newest checkpoints stay to fall back to."""

    @model_validator(mode="before")
    @classmethod
    def _default_batch(cls, values: object) -> object:
        if isinstance(values, dict) and values.get("batch_size") is None and values.get("batch_seconds") is None:
            return {**values, "batch_size": DEFAULT_BATCH_SIZE}
        return values

    @model_validator(mode="after")
    def _one_batch_measure(self) -> Self:
        if self.batch_size is not None and self.batch_seconds is not None:
            raise ValueError("batch_size and batch_seconds exclude each other: set one of them to null")
        return self

    @model_validator(mode="after")
    def _shards_are_not_set_aside(self) -> Self:
        if self.sharding == "full" and self.on_nonfinite.chosen("rollback"):
            raise ValueError(
                "on_nonfinite: rollback holds all weights twice, which sharding: full is to avoid; choose skip"
            )
        return self

    def steps_per_epoch(self, batches: int) -> int:
        """Optimiser steps of an epoch of so many batches; the last one may accumulate fewer of them."""
        return -(-batches // self.accum_grad)
