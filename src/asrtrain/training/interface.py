"""What the training loop is given, and what it answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import nn

from asrtrain.clipping import Clipper
from asrtrain.features.interface import FrontEnd
from asrtrain.optim.interface import Schedule
from asrtrain.recogniser import Recogniser
from asrtrain.training.sharding import Sharding
from asrtrain.training.watch import Explainer
from asrtrain.types import Batch

Criterion = Literal["metric", "loss"]

TELLING = 0.9
"""Error rates above this count as alike: which words of nearly none are right by chance tells no epochs apart."""

StoppedBy = Literal["max_epochs", "max_steps", "patience"]


class Batches(Protocol):
    """The training data: the batches of an epoch are a pure function of its number."""

    @property
    def batches_per_epoch(self) -> int:
        """How many batches every epoch has."""

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch from number ``start`` on."""


@dataclass(frozen=True, slots=True)
class Validation:
    """How good a model is on the development part: its mean loss, and the metric that chooses the best epoch."""

    loss: float
    metric: float
    metric_name: str
    higher_is_better: bool

    def better_than(self, other: Validation | None, by: Criterion = "metric") -> bool:
        """By the metric, and where that is equal by the loss; or the other way round. What is NaN is never better.

        Error rates above ``TELLING`` are equal, so that the loss decides until one is below.
        """
        if math.isnan(self.metric if by == "metric" else self.loss):
            return False
        return other is None or self._merit(by) > other._merit(by)

    def decided_by(self, by: Criterion) -> str:
        """What its rank goes by: the metric's name, or ``loss``."""
        says_nothing = not self.higher_is_better and self.metric > TELLING
        return "loss" if by == "loss" or says_nothing else self.metric_name

    def _merit(self, by: Criterion) -> tuple[float, float]:
        metric = self.metric if self.higher_is_better else -min(self.metric, TELLING)
        loss = -math.inf if math.isnan(self.loss) else -self.loss
        return (metric, loss) if by == "metric" else (loss, metric)


@dataclass(frozen=True, slots=True)
class Ingredients:
    """Everything that training needs, built; the model lies on the device already.

    ``batches`` have passed the front end; what it has measured is kept with the weights. ``validate`` gets the weights
    that would be kept, in evaluation mode and without gradients; before that ``tune`` may set those of their buffers
    that are chosen by the development part. ``explain`` is called for steps worth explaining, before they are taken.
    Every process calls ``validate``, each of which may score a part of it. With ``sharding`` model and optimiser are
    held in shards.
    """

    front_end: FrontEnd
    model: Recogniser
    optimizer: torch.optim.Optimizer
    schedule: Schedule
    clipper: Clipper
    batches: Batches
    validate: Callable[[Recogniser], Validation]
    explain: Explainer | None = None
    tune: Callable[[Recogniser], None] | None = None
    sharding: Sharding | None = None

    @property
    def named(self) -> tuple[tuple[str, nn.Parameter], ...]:
        """What this process holds of the model's parameters, by name: all of each, or a shard."""
        return tuple(self.model.named_parameters()) if self.sharding is None else self.sharding.named


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: epochs and optimiser steps done, the best epoch (from 1), what it was chosen by (a metric's name
    or ``loss``), and what clipping did, in words.
    """

    epochs: int
    steps: int
    best: Validation | None
    best_epoch: int | None
    stopped_by: StoppedBy
    clipping: str
    chosen_by: str | None = None
