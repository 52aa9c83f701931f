"""A constant learning rate."""

from __future__ import annotations

from typing import Literal, final

from asrtrain.optim.interface import Schedule, ScheduleConfig
from asrtrain.optim.schedules.pure import PureSchedule, warm_up
from asrtrain.optim.settings import NonNegative


@final
class ConstantConfig(ScheduleConfig):
    """The full learning rate from the warm-up to the end."""

    name: Literal["constant"] = "constant"
    warmup_epochs: NonNegative = 0.0
    """Rise linearly to the full learning rate over this many epochs (a fraction is fine)."""

    def over(self, steps_per_epoch: int, steps: int) -> Schedule:
        """Build the schedule."""
        warmup = round(self.warmup_epochs * steps_per_epoch)
        return PureSchedule(lambda step: warm_up(step, warmup))
