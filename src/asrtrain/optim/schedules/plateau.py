"""A learning rate that drops when the development loss stops falling."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Literal, final

from pydantic import Field

from asrtrain.optim.interface import Schedule, ScheduleConfig
from asrtrain.optim.schedules.pure import warm_up
from asrtrain.optim.settings import Fraction, NonNegative


@final
class PlateauConfig(ScheduleConfig):
    """Times gamma whenever more than ``patience`` epochs in a row brought no better development loss."""

    name: Literal["plateau"] = "plateau"
    gamma: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.5
    """What the learning rate is multiplied by."""
    patience: Annotated[int, Field(ge=0)] = 2
    """Epochs without improvement that are forgiven; the next one drops the rate."""
    threshold: Annotated[float, Field(ge=0.0, lt=1.0)] = 1e-3
    """The share by which a loss must be below the best to count as better."""
    end: Fraction = 0.01
    """Never below this part of the learning rate."""
    warmup_epochs: NonNegative = 0.0
    """Rise linearly to the full learning rate over this many epochs (a fraction is fine)."""

    def over(self, steps_per_epoch: int, steps: int) -> Schedule:
        """Build the schedule."""
        return Plateau(self, round(self.warmup_epochs * steps_per_epoch))


@final
class Plateau(Schedule):
    """Remembers the best loss, the epochs since, and how far the rate has dropped."""

    def __init__(self, config: PlateauConfig, warmup: int) -> None:
        self._config = config
        self._warmup = warmup
        self._scale = 1.0
        self._best: float | None = None
        self._waited = 0

    def factor(self, step: int) -> float:
        """The warm-up times the drops so far."""
        return warm_up(step, self._warmup) * self._scale

    def observe(self, loss: float) -> None:
        """Drop the rate if the patience is spent. A loss that is not a number is no improvement."""
        if self._better(loss):
            self._best, self._waited = loss, 0
            return
        self._waited += 1
        if self._waited > self._config.patience:
            self._scale = max(self._scale * self._config.gamma, self._config.end)
            self._waited = 0

    def _better(self, loss: float) -> bool:
        if self._best is None:
            return math.isfinite(loss)
        return loss < self._best - abs(self._best) * self._config.threshold

    def state_dict(self) -> dict[str, float]:
        """The drops so far, the epochs since the best loss, and that loss once there is one."""
        best = {} if self._best is None else {"best": self._best}
        return {"scale": self._scale, "waited": self._waited, **best}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Take it back."""
        self._scale = state["scale"]
        self._waited = int(state["waited"])
        self._best = state.get("best")
