"""Warm up, then a straight line down (the schedule of most fine-tuning since Devlin et al., 2019)."""

from __future__ import annotations

from typing import Literal, final

from asrtrain.optim.interface import Schedule, ScheduleConfig
from asrtrain.optim.schedules.pure import PureSchedule, linear, warm_up
from asrtrain.optim.settings import Fraction, NonNegative


@final
class LinearWarmupConfig(ScheduleConfig):
    """Warm up, then fall in a straight line over the rest of the run."""

    name: Literal["linear_warmup"] = "linear_warmup"
    warmup_epochs: NonNegative = 1.0
    """Rise linearly to the full learning rate over this many epochs (a fraction is fine)."""
    end: Fraction = 0.0
    """The part of the learning rate that the line ends at."""

    def over(self, steps_per_epoch: int, steps: int) -> Schedule:
        """Build the schedule over the whole run."""
        warmup = round(self.warmup_epochs * steps_per_epoch)
        fall = max(steps - warmup, 1)

        def factor(step: int) -> float:
            return warm_up(step, warmup) if step < warmup else linear(1.0, self.end, (step - warmup) / fall)

        return PureSchedule(factor)
