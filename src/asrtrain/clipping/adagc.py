"""Adaptive clipping of every tensor by its own history (AdaGC: Wang et al., 2025)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, final

import torch
from pydantic import Field

from asrtrain.clipping.interface import Action, ClipRule, ClipRuleConfig, Gradients, State
from asrtrain.clipping.parts.places import Places
from asrtrain.clipping.parts.scaling import scale_tensors, shorten
from asrtrain.clipping.promises import Promise
from asrtrain.clipping.thresholds import Positive
from asrtrain.clipping.thresholds.growing import grown


class AdaGCConfig(ClipRuleConfig):
    """Limit every tensor by its own running norm γ: g ← g · min(1, relative · γ / N); γ ← β γ + (1 - β) N(g).

    In the first steps the norm of all gradients together is limited by ``absolute`` instead, and γ is the smallest
    norm after that. A norm of zero is not learned: it would freeze the tensor for ever.
    """

    source: ClassVar = "AdaGC: Wang et al., 2025"
    cost: ClassVar = "one pass where it clips, none where it does not"
    examples: ClassVar = ({}, {"warmup": 2})

    name: Literal["adagc"] = "adagc"
    absolute: Positive = 1.0
    """λ_abs: the largest norm of all gradients together during the warm-up."""
    relative: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 1.05
    """λ_rel: the largest norm of a tensor, in running norms."""
    beta: Annotated[float, Field(ge=0, lt=1)] = 0.98
    """How slowly the running norm forgets."""
    warmup: Annotated[int, Field(ge=1)] = 100
    """How many steps the warm-up takes."""

    @property
    def promises(self) -> frozenset[Promise]:
        return frozenset(
            {Promise.NO_OP, Promise.SIGNS, Promise.ZERO, Promise.HALF_PRECISION, Promise.HUGE, Promise.NO_SYNC}
        )

    def build(self, seed: int) -> ClipRule:
        return _AdaGC(self)


@final
class _AdaGC(ClipRule):
    def __init__(self, config: AdaGCConfig) -> None:
        self._config, self._step = config, 0
        self._places = Places()
        self._running: torch.Tensor | None = None

    @property
    def turns(self) -> bool:
        return False

    @property
    def takes_shards(self) -> bool:
        return True

    def apply(self, gradients: Gradients) -> Action:
        warm = self._step < self._config.warmup
        absolute = torch.full_like(gradients.total, self._config.absolute if warm else torch.inf)
        sound = torch.where(gradients.finite, gradients.norms, torch.nan)
        norms = self._places.spread(gradients.names, sound)
        running = self._known(norms)
        if warm:
            coefficients = shorten(gradients.total, absolute).expand_as(norms)
        else:
            coefficients = shorten(norms, self._config.relative * running)
        self._learn(running, norms * coefficients, warm=warm)
        self._step += 1
        own = self._places.picked(gradients.names, torch.where(gradients.finite, coefficients, 1.0))
        return scale_tensors(gradients, own, absolute)

    def _known(self, norms: torch.Tensor) -> torch.Tensor:
        """γ of every tensor; that of its first step is infinite."""
        known = grown(self._running, norms)
        return torch.where(known > 0, known, torch.inf)

    def _learn(self, old: torch.Tensor, norms: torch.Tensor, *, warm: bool) -> None:
        beta = self._config.beta
        smallest = torch.minimum(old, norms)
        new = smallest if warm else torch.where(torch.isfinite(old), beta * old + (1 - beta) * norms, smallest)
        self._running = torch.where(torch.isfinite(norms) & (norms > 0), new, old)

    def state_dict(self) -> State:
        running = {} if self._running is None else self._places.by_name({"running": self._running})
        return {"step": torch.tensor(self._step), **running}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        self._step = int(state["step"])
        own = self._places.together({key: value for key, value in state.items() if key != "step"})
        self._running = own.get("running")
