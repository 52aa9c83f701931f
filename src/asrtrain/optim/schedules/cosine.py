"""Half a cosine from the full learning rate to the last one (Loshchilov and Hutter, 2017, without restarts)."""

from __future__ import annotations

from typing import Literal, final

from asrtrain.optim.interface import Schedule, ScheduleConfig
from asrtrain.optim.schedules.pure import PureSchedule, half_cosine, warm_up
from asrtrain.optim.settings import Fraction, NonNegative


@final
class CosineConfig(ScheduleConfig):
    """Warm up, then half a cosine over the rest of the run."""

    name: Literal["cosine"] = "cosine"
    warmup_epochs: NonNegative = 0.5
    """Rise linearly to the full learning rate over this many epochs (a fraction is fine)."""
    end: Fraction = 0.0
    """The part of the learning rate that the curve ends at."""

    def over(self, steps_per_epoch: int, steps: int) -> Schedule:
        """Build the schedule over the whole run."""
        warmup = round(self.warmup_epochs * steps_per_epoch)
        fall = max(steps - warmup, 1)

        def factor(step: int) -> float:
            return warm_up(step, warmup) if step < warmup else half_cosine(1.0, self.end, (step - warmup) / fall)

        return PureSchedule(factor)
