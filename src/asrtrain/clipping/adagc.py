"""Adaptive clipping of every tensor by its own history (AdaGC: Wang et al., 2025)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, final

import torch
from pydantic import Field

from asrtrain.clipping.interface import Action, ClipRule, ClipRuleConfig, Gradients, State
from asrtrain.clipping.parts.blocks import Block
from asrtrain.clipping.parts.scaling import shorten
from asrtrain.clipping.parts.scopes import split_by
from asrtrain.clipping.promises import Promise
from asrtrain.clipping.thresholds import Positive


class AdaGCConfig(ClipRuleConfig):
    """Limit every tensor by its own running norm γ: g ← g · min(1, relative · γ / N); γ ← β γ + (1 - β) N(g).

    In the first steps the norm of all gradients together is limited by ``absolute`` instead, and γ is the smallest
    norm after that. A norm of zero is not learned: it would freeze the tensor for ever.
    """

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
        return frozenset({Promise.NO_OP, Promise.SIGNS, Promise.ZERO, Promise.HALF_PRECISION, Promise.HUGE})

    def build(self, seed: int) -> ClipRule:
        return _AdaGC(self)


@final
class _AdaGC(ClipRule):
    def __init__(self, config: AdaGCConfig) -> None:
        self._config, self._step = config, 0
        self._running: State = {}

    def apply(self, gradients: Gradients) -> Action:
        warm = self._step < self._config.warmup
        (whole,) = split_by("global")(gradients)
        absolute = torch.full_like(gradients.total, self._config.absolute)
        coefficient = shorten(gradients.total, absolute) if warm else torch.ones_like(absolute)
        changed, norms = whole.scale(coefficient), gradients.norms * coefficient
        for i, block in enumerate(split_by("tensor")(gradients)):
            if not warm:
                limit = self._config.relative * self._of(block, norms[i])
                own = shorten(norms[i], limit)
                changed = changed + block.scale(own)
                norms[i] *= own
            self._learn(block, norms[i], warm=warm)
        self._step += 1
        threshold = absolute if warm else torch.full_like(absolute, float("inf"))
        return Action(threshold, changed / max(1, gradients.size))

    def _of(self, block: Block, norm: torch.Tensor) -> torch.Tensor:
        """γ of a tensor; that of its first step is infinite."""
        return self._running.setdefault(block.name, torch.full_like(norm, float("inf")))

    def _learn(self, block: Block, norm: torch.Tensor, *, warm: bool) -> None:
        if bool(norm == 0):
            return
        old, beta = self._of(block, norm), self._config.beta
        smallest = torch.minimum(old, norm)
        known = torch.isfinite(old) & (not warm)
        self._running[block.name] = torch.where(known, beta * old + (1 - beta) * norm, smallest)

    def state_dict(self) -> State:
        running = {f"running.{name}": norm.clone() for name, norm in self._running.items()}
        return {"step": torch.tensor(self._step), **running}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        self._step = int(state["step"])
        running = {key: value for key, value in state.items() if key.startswith("running.")}
        self._running = {key.removeprefix("running."): norm.clone() for key, norm in running.items()}
