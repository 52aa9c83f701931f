"""How long a run is to be, and what its learning-rate schedule makes of that length."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import final

from asrtrain.optim.interface import Schedule


@final
class Plan:
    """A run of so many optimiser steps at most, with a schedule over them."""

    def __init__(self, schedule: Schedule, steps: int) -> None:
        self._schedule, self.steps = schedule, steps

    def state(self, taken: int) -> dict[str, float]:
        """What a run taken up after so many steps is compared with: the length, and the factor of the next step."""
        return {"steps": self.steps, "factor": self._schedule.factor(taken)}

    def at_start(self) -> str:
        """What is odd about the schedule; empty where nothing is."""
        last = self._schedule.factor(self.steps - 1)
        if self.steps < 2 or last <= self._schedule.factor(self.steps - 2):
            return ""
        return (
            f"the learning rate rises until the last of {self.steps} steps, where it is {last:.2g} of the full one: "
            "the warm-up is as long as the run; give a shorter schedule.warmup_epochs, or train longer"
        )

    def when_resumed(self, before: Mapping[str, float] | None, taken: int) -> str:
        """What becomes of the schedule in a run that had another length before; empty where that is the same."""
        if before is None or before["steps"] == self.steps:
            return ""
        now, then = self._schedule.factor(taken), before["factor"]
        begun = f"begun as a run of {before['steps']:.0f} steps, and now one of {self.steps}"
        if math.isclose(now, then, rel_tol=1e-6, abs_tol=1e-12):
            return f"{begun}: the learning rate of the next step is the same"
        return (
            f"{begun}: the schedule is that of the new length, and the next step's learning rate is {now:.3g} of the "
            f"full one in place of {then:.3g}"
        )
