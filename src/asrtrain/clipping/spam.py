"""Spike-aware clipping: every element against its own history (SPAM: Huang et al., 2025)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, final

import torch
from pydantic import Field
from torch.nn.functional import threshold

from asrtrain.clipping.interface import Action, ClipRule, ClipRuleConfig, Gradients, State
from asrtrain.clipping.measure import entries
from asrtrain.clipping.parts.looking import free_to_look
from asrtrain.clipping.parts.memory import Memory
from asrtrain.clipping.parts.turning import Rows, turned
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
        wheres = [entries(parameter) for parameter in gradients.parameters]
        roots = [self._squares.of(n, p) for n, p in zip(gradients.names, gradients.parameters, strict=True)]
        kept = [root[where] for root, where in zip(roots, wheres, strict=True)]

        def change(i: int, rows: Rows, piece: torch.Tensor) -> None:
            root = kept[i][rows]
            raw = root.clone()
            if self._step >= self._config.warmup:
                self._clip(piece, root)
            root.copy_(self._learned(root, piece))
            if not free_to_look(root):
                root.copy_(torch.where(gradients.finite, root, raw))

        action = turned(gradients, change, torch.full_like(gradients.total, float("inf")))
        for root, where, own in zip(roots, wheres, kept, strict=True):
            if where is not ...:  # all of a root is itself, some rows of it are a copy
                root[where] = own
        self._step += 1
        return action

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
