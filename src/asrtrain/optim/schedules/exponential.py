"""A learning rate that shrinks by the same share at every step."""

from __future__ import annotations

from typing import Literal, final

from asrtrain.optim.interface import Schedule, ScheduleConfig
from asrtrain.optim.schedules.pure import PureSchedule, warm_up
from asrtrain.optim.settings import Fraction, NonNegative


@final
class ExponentialConfig(ScheduleConfig):
    """Times gamma an epoch, spread evenly over its steps."""

    name: Literal["exponential"] = "exponential"
    gamma: Fraction = 0.9
    """What is left of the learning rate after an epoch."""
    warmup_epochs: NonNegative = 0.0
    """Rise linearly to the full learning rate over this many epochs (a fraction is fine)."""

    def over(self, steps_per_epoch: int, steps: int) -> Schedule:
        """Build the schedule."""
        warmup = round(self.warmup_epochs * steps_per_epoch)
        return PureSchedule(lambda step: warm_up(step, warmup) * self.gamma ** (step / steps_per_epoch))
