"""Spike-aware clipping: every element against its own history (SPAM: Huang et al., 2025)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, final

import torch
from pydantic import Field
from torch.nn.functional import threshold

from asrtrain.clipping.interface import Action, ClipRule, ClipRuleConfig, Gradients, State
from asrtrain.clipping.measure import entries
from asrtrain.clipping.parts.comparing import compared, copied
from asrtrain.clipping.parts.memory import Memory
from asrtrain.clipping.promises import Promise


class SpamConfig(ClipRuleConfig):
    """Limit elements that spike: g_i ← sign(g_i) · √(θ v_i) where g_i² > θ v_i; v_i ← β v_i + (1 - β) g_i².

    v is the rule's own estimate, of gradients after clipping, without bias. An element that never had a gradient has
    no history to break with. SPAM's momentum reset is the optimiser's business, and is not done here.
    """

    source: ClassVar = "SPAM: Huang et al., 2025"
    cost: ClassVar = "a copy and several passes; a number for every weight to remember"
    examples: ClassVar = ({}, {"theta": 2.0, "beta": 0.5, "warmup": 2})

    name: Literal["spam"] = "spam"
    theta: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 5000.0
    """How many times its mean square an element's square may be."""
    beta: Annotated[float, Field(ge=0, lt=1)] = 0.999
    """How slowly v forgets."""
    warmup: Annotated[int, Field(ge=1)] = 20
    """Nothing is clipped in so many steps."""

    @property
    def promises(self) -> frozenset[Promise]:
        return frozenset(
            {
                *(Promise.NO_OP, Promise.SCALE_FREE, Promise.SIGNS, Promise.ZERO),
                *(Promise.HALF_PRECISION, Promise.HUGE, Promise.NO_SYNC),
            }
        )

    def build(self, seed: int) -> ClipRule:
        return _Spam(self)


@final
class _Spam(ClipRule):
    def __init__(self, config: SpamConfig) -> None:
        self._config, self._step, self._squares = config, 0, Memory()

    def apply(self, gradients: Gradients) -> Action:
        copies = copied(gradients)
        for name, parameter, tensor in zip(gradients.names, gradients.parameters, gradients.tensors, strict=True):
            root, where = self._squares.of(name, parameter), entries(parameter)
            old = root[where]
            if self._step >= self._config.warmup:
                self._clip(tensor, old)
            root[where] = torch.where(gradients.finite, self._learned(old, tensor), old)
        self._step += 1
        return compared(gradients, copies, torch.full_like(gradients.total, float("inf")))

    def _clip(self, tensor: torch.Tensor, root: torch.Tensor) -> None:
        """Limit the elements that spike in place. Nothing limits one without a history."""
        limit = threshold(self._config.theta**0.5 * root, 0.0, torch.inf).to(tensor.dtype)
        tensor.clamp_(-limit, limit)

    def _learned(self, root: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
        """√(w r² + (1 - w) g²): the square of neither is taken, which would overflow where they do not."""
        weight = max(1 - self._config.beta, 1 / (1 + self._step))
        learned: torch.Tensor = torch.hypot((1 - weight) ** 0.5 * root, weight**0.5 * gradient.float())
        return learned

    def state_dict(self) -> State:
        return {"step": torch.tensor(self._step), **{f"root.{k}": v for k, v in self._squares.state_dict().items()}}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        self._step = int(state["step"])
        roots = {key.removeprefix("root."): value for key, value in state.items() if key.startswith("root.")}
        self._squares.load_state_dict(roots)
