"""Up in a straight line, then down with the inverse square root of the step (Vaswani et al., 2017)."""

from __future__ import annotations

import math
from typing import Annotated, Literal, final

from pydantic import Field

from asrtrain.optim.interface import Schedule, ScheduleConfig
from asrtrain.optim.schedules.pure import PureSchedule


@final
class NoamConfig(ScheduleConfig):
    """min(n / w, sqrt(w / n)) at the n-th step with w steps of warm-up: 1 at the top, whatever the model's size."""

    name: Literal["noam"] = "noam"
    warmup_epochs: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] = 1.0
    """Epochs until the top is reached (a fraction is fine)."""

    def over(self, steps_per_epoch: int, steps: int) -> Schedule:
        """Build the schedule."""
        warmup = max(round(self.warmup_epochs * steps_per_epoch), 1)

        def factor(step: int) -> float:
            n = step + 1
            return min(n / warmup, math.sqrt(warmup / n))

        return PureSchedule(factor)
