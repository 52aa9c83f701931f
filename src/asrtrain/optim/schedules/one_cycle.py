"""One cycle: up from a small learning rate to the full one, then down to almost nothing (Smith and Topin, 2018)."""

from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field

from asrtrain.optim.interface import Schedule, ScheduleConfig
from asrtrain.optim.schedules.pure import PureSchedule, half_cosine, linear
from asrtrain.optim.settings import Fraction


@final
class OneCycleConfig(ScheduleConfig):
    """Up from lr / start_divisor to lr, then down to lr / (start_divisor x end_divisor); momentum stays as it is."""

    name: Literal["one_cycle"] = "one_cycle"
    rise: Fraction = 0.3
    """The part of the run in which the learning rate goes up."""
    start_divisor: Annotated[float, Field(ge=1.0)] = 25.0
    """How much smaller than the full learning rate the first one is."""
    end_divisor: Annotated[float, Field(ge=1.0)] = 1e4
    """How much smaller than the first learning rate the last one is."""
    anneal: Literal["cosine", "linear"] = "cosine"
    """The shape of both slopes."""

    def over(self, steps_per_epoch: int, steps: int) -> Schedule:
        """Build the schedule over the whole run."""
        top = self.rise * steps - 1
        first, last = 1.0 / self.start_divisor, 1.0 / (self.start_divisor * self.end_divisor)
        slope = half_cosine if self.anneal == "cosine" else linear

        def factor(step: int) -> float:
            if steps == 1:
                return 1.0  # it would begin at the end, where next to nothing is learnt
            if step < top:
                return slope(first, 1.0, step / top)
            return slope(1.0, last, (step - top) / max(steps - 1 - top, 1e-9))

        return PureSchedule(factor)
