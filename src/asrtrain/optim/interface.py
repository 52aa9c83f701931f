"""What optimisers and learning-rate schedules are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from asrtrain.config import Config


class OptimizerConfig(Config, ABC):
    """An optimiser's settings."""

    name: str
    lr: float

    @abstractmethod
    def build(self, groups: Sequence[Mapping[str, Any]]) -> torch.optim.Optimizer:
        """Build the optimiser for torch parameter groups (each with ``params`` and its own ``weight_decay``)."""


class Schedule(ABC):
    """The learning rate of a step, as a factor of the optimiser's ``lr``. State is plain numbers."""

    @abstractmethod
    def factor(self, step: int) -> float:
        """The factor for optimiser step ``step`` (0 is the first). Only steps that were taken are counted."""

    @abstractmethod
    def observe(self, loss: float) -> None:
        """Told the development loss after every epoch (plateau and loss-driven schedules use it)."""

    @abstractmethod
    def state_dict(self) -> dict[str, float]:
        """What must survive a restart."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Take it back, exactly."""


class ScheduleConfig(Config, ABC):
    """A schedule's settings."""

    name: str

    def build(self, steps_per_epoch: int, max_epochs: int, max_steps: int | None = None) -> Schedule:
        """Build the schedule for a run that ends with its last epoch, or after ``max_steps`` if that comes first."""
        return self.over(steps_per_epoch, steps_of_run(steps_per_epoch, max_epochs, max_steps))

    @abstractmethod
    def over(self, steps_per_epoch: int, steps: int) -> Schedule:
        """Build the schedule for a run of so many optimiser steps."""


def steps_of_run(steps_per_epoch: int, max_epochs: int, max_steps: int | None) -> int:
    """How many optimiser steps a run has at most."""
    steps = steps_per_epoch * max_epochs
    return steps if max_steps is None else min(steps, max_steps)
