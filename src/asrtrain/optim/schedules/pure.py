"""Schedules that depend on the step alone, and the two curves they are made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import final

from asrtrain.optim.interface import Schedule


@final
class PureSchedule(Schedule):
    """A schedule that is a function of the step: it observes nothing and remembers nothing."""

    def __init__(self, function: Callable[[int], float]) -> None:
        self._function = function

    def factor(self, step: int) -> float:
        """The function of the step."""
        return self._function(step)

    def observe(self, loss: float) -> None:
        """The loss makes no difference."""

    def state_dict(self) -> dict[str, float]:
        """Nothing."""
        return {}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Nothing to take back."""


def warm_up(step: int, steps: int) -> float:
    """1/steps, 2/steps, … up to 1, which is reached at step ``steps`` - 1 and kept (Goyal et al., 2017)."""
    return 1.0 if step >= steps else (step + 1) / steps


def linear(start: float, end: float, progress: float) -> float:
    """From ``start`` to ``end`` as progress goes from 0 to 1, and no further."""
    return start + (end - start) * min(max(progress, 0.0), 1.0)


def half_cosine(start: float, end: float, progress: float) -> float:
    """From ``start`` to ``end``, flat at both, as progress goes from 0 to 1 (Loshchilov and Hutter, 2017)."""
    return end + (start - end) * (1.0 + math.cos(math.pi * min(max(progress, 0.0), 1.0))) / 2.0
