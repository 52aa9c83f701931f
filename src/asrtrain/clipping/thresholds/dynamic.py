"""A running quantile of the norms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, final

import torch
from pydantic import Field, model_validator

from asrtrain.clipping.interface import State
from asrtrain.clipping.thresholds.interface import Positive
from asrtrain.clipping.thresholds.learned import Estimator, LearnedConfig
from asrtrain.clipping.thresholds.ring import Ring


class DynamicConfig(LearnedConfig):
    """A running quantile of the last norms before clipping (AutoClip: Seetharaman et al., 2020): c_t = factor · Q_q."""

    name: Literal["dynamic"] = "dynamic"
    quantile: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Which quantile of the window."""
    window: Annotated[int, Field(gt=1, le=1_000_000)] = 1000
    """How many norms are remembered."""
    warmup: Annotated[int, Field(ge=1)] = 10
    """Nothing but the ceiling limits a norm until so many norms are known."""
    factor: Positive = 1.0
    """Multiplies the quantile."""
    including: bool = False
    """Whether the norm of the step itself counts too, as in AutoClip."""

    @model_validator(mode="after")
    def _warmup_fits(self) -> DynamicConfig:
        if self.warmup > self.window:
            raise ValueError(f"warmup ({self.warmup}) is longer than the window ({self.window}); make it shorter")
        return self

    def estimator(self) -> Estimator:
        return _RunningQuantile(self)


@final
class _RunningQuantile(Estimator):
    """The quantile of a ring of norms: finite ones, as they were before clipping.

    Norms as they are after clipping would let the threshold ratchet down for ever.
    """

    def __init__(self, config: DynamicConfig) -> None:
        self._config, self._ring = config, Ring(config.window)
        self._quantile: torch.Tensor | None = None

    def threshold(self, norm: torch.Tensor) -> torch.Tensor:
        config = self._config
        self._quantile = self._ring.quantile(config.quantile, norm, including=config.including)
        return torch.where(self._ring.seen < self._config.warmup, torch.inf, self._config.factor * self._quantile)

    def learn(self, norm: torch.Tensor, clipped: torch.Tensor, sound: torch.Tensor) -> None:
        self._ring.append(norm, sound)

    def estimates(self) -> Mapping[str, torch.Tensor]:
        known = {} if self._quantile is None else {"quantile": self._quantile}
        return {**known, **self._ring.estimates()}

    def state_dict(self) -> State:
        return self._ring.state_dict()

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        self._ring.load_state_dict(state)
