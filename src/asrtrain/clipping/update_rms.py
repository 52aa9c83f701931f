"""A smaller update where the gradient surprises its history (StableAdamW: Wortsman et al., 2023)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, final

import torch
from pydantic import Field

from asrtrain.clipping.interface import Action, ClipRule, ClipRuleConfig, Gradients, State, UpdateRule
from asrtrain.clipping.measure import entries
from asrtrain.clipping.parts.blocks import Block
from asrtrain.clipping.parts.limits import Alike
from asrtrain.clipping.parts.memory import Memory
from asrtrain.clipping.parts.on_updates import untouched
from asrtrain.clipping.parts.scaling import Scaling
from asrtrain.clipping.parts.scopes import split_by
from asrtrain.clipping.parts.slices import slices
from asrtrain.clipping.promises import UNTOUCHED, Promise
from asrtrain.clipping.thresholds import FixedConfig, Positive


class UpdateRMSConfig(ClipRuleConfig):
    """Divide the update Δ of a tensor whose gradient is a surprise: Δ ← Δ / max(1, √mean(g² / max(v, ε²))).

    v ← β_t v + (1 - β_t) g² is the rule's own, so that any optimiser will do; β_t = β (1 - β^(t-1)) / (1 - β^t), which
    is without bias, and t counts the tensor's own gradients. g is the gradient that this rule meets: put it after those
    that clip gradients.
    In StableAdamW the weight decay is divided too, and so it is here.
    """

    source: ClassVar = "StableAdamW: Wortsman et al., 2023"
    cost: ClassVar = "several passes over gradients, a copy of the weights; a number for every weight to remember"
    examples: ClassVar = ({}, {"beta": 0.5})

    name: Literal["update_rms"] = "update_rms"
    beta: Annotated[float, Field(gt=0, lt=1)] = 0.99
    """β: how slowly v forgets."""
    eps: Positive = 1e-6
    """ε: the least root of v."""

    @property
    def promises(self) -> frozenset[Promise]:
        return UNTOUCHED

    def build(self, seed: int) -> ClipRule:
        return _UpdateRMS(self)


@final
class _UpdateRMS(UpdateRule):
    """It keeps the root of v, whose square would overflow where the gradient does not."""

    def __init__(self, config: UpdateRMSConfig) -> None:
        self._config, self._roots = config, Memory()
        self._steps: dict[str, int] = {}
        self._surprise: dict[str, torch.Tensor] = {}
        one = Alike(FixedConfig(value=1.0).build(0))
        self._shorten = Scaling(split_by("tensor"), one, measure=self._rms)

    def apply(self, gradients: Gradients) -> Action:
        if bool(gradients.finite):
            self._learn(gradients)
        return untouched(gradients)

    def _learn(self, gradients: Gradients) -> None:
        for name, parameter, tensor in zip(gradients.names, gradients.parameters, gradients.tensors, strict=True):
            root, where = self._roots.of(name, parameter), entries(parameter)
            kept, self._steps[name] = root[where], self._steps.get(name, 0) + 1
            weight = (1 - self._config.beta) / (1 - self._config.beta ** self._steps[name])
            surprises = []
            for gradient, own in slices(tensor, kept):
                squares = gradient.double().square()
                mean = own.double().square_().mul_(1 - weight).add_(squares, alpha=weight)
                own.copy_(mean.sqrt())
                surprises.append(squares.div_(mean.clamp_(min=self._config.eps * self._config.eps)).sum())
            if where is not ...:
                root[where] = kept  # of a sparse gradient it is a copy
            self._surprise[name] = (torch.stack(surprises).sum() / tensor.numel()).sqrt()

    def limit(self, updates: Gradients) -> Action:
        action = self._shorten.apply(updates)
        self._surprise.clear()
        return action

    def _rms(self, block: Block) -> torch.Tensor:
        """That of the step's gradient; one where the rules saw none, since it was not finite."""
        norm = block.norm()
        return self._surprise.get(block.name, torch.ones_like(norm))

    def state_dict(self) -> State:
        steps = {f"steps.{name}": torch.tensor(count) for name, count in self._steps.items()}
        return steps | {f"root.{name}": root for name, root in self._roots.state_dict().items()}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        self._steps = {key.removeprefix("steps."): int(state[key]) for key in state if key.startswith("steps.")}
        roots = {key.removeprefix("root."): value for key, value in state.items() if key.startswith("root.")}
        self._roots.load_state_dict(roots)
