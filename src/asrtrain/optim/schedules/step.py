"""A learning rate that drops every few epochs."""

from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field

from asrtrain.optim.interface import Schedule, ScheduleConfig
from asrtrain.optim.schedules.pure import PureSchedule, warm_up
from asrtrain.optim.settings import Fraction, NonNegative


@final
class StepConfig(ScheduleConfig):
    """Times gamma after every ``every_epochs`` epochs."""

    name: Literal["step"] = "step"
    every_epochs: Annotated[int, Field(gt=0)] = 5
    """Epochs between two drops."""
    gamma: Fraction = 0.5
    """What the learning rate is multiplied by."""
    warmup_epochs: NonNegative = 0.0
    """Rise linearly to the full learning rate over this many epochs (a fraction is fine)."""

    def over(self, steps_per_epoch: int, steps: int) -> Schedule:
        """Build the schedule."""
        warmup = round(self.warmup_epochs * steps_per_epoch)
        period = self.every_epochs * steps_per_epoch
        return PureSchedule(lambda step: warm_up(step, warmup) * self.gamma ** (step // period))
