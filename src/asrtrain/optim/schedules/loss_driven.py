"""A dynamic learning rate, driven by the loss: the "bold driver" (Vogl et al., 1988; Battiti, 1989)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Literal, final

from pydantic import Field

from asrtrain.optim.interface import Schedule, ScheduleConfig
from asrtrain.optim.schedules.pure import warm_up
from asrtrain.optim.settings import Fraction, NonNegative


@final
class LossDrivenConfig(ScheduleConfig):
    """Dynamic: after every epoch a little faster if the development loss fell, much slower if it rose."""

    name: Literal["loss_driven"] = "loss_driven"
    up: Annotated[float, Field(ge=1.0, allow_inf_nan=False)] = 1.05
    """What the learning rate is multiplied by when the loss fell."""
    down: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.5
    """What it is multiplied by when the loss rose, or is not a number."""
    end: Fraction = 0.01
    """Never below this part of the learning rate."""
    top: Annotated[float, Field(ge=1.0, allow_inf_nan=False)] = 2.0
    """Never above this many times the learning rate."""
    warmup_epochs: NonNegative = 0.0
    """Rise linearly to the full learning rate over this many epochs (a fraction is fine)."""

    def over(self, steps_per_epoch: int, steps: int) -> Schedule:
        """Build the schedule."""
        return LossDriven(self, round(self.warmup_epochs * steps_per_epoch))


@final
class LossDriven(Schedule):
    """Remembers the last loss and the factor that the losses so far have led to."""

    def __init__(self, config: LossDrivenConfig, warmup: int) -> None:
        self._config = config
        self._warmup = warmup
        self._scale = 1.0
        self._last: float | None = None

    def factor(self, step: int) -> float:
        """The warm-up times the factor that the losses have led to."""
        return warm_up(step, self._warmup) * self._scale

    def observe(self, loss: float) -> None:
        """Speed up or slow down. The first loss has nothing to be compared with."""
        finite = math.isfinite(loss)
        if not finite or (self._last is not None and loss > self._last):
            self._scale = max(self._scale * self._config.down, self._config.end)
        elif self._last is not None and loss < self._last:
            self._scale = min(self._scale * self._config.up, self._config.top)
        if finite:
            self._last = loss

    def state_dict(self) -> dict[str, float]:
        """The factor, and the last loss once there is one."""
        last = {} if self._last is None else {"last": self._last}
        return {"scale": self._scale, **last}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Take it back."""
        self._scale = state["scale"]
        self._last = state.get("last")
