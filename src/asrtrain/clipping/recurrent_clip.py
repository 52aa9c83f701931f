"""Clipping inside the recurrence: no gradient that goes back along time is longer than the threshold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, ClassVar, Literal, final

import torch
from pydantic import Field
from torch import nn

from asrtrain.clipping.interface import Action, ClipRule, ClipRuleConfig, Gradients, InsideRule, State
from asrtrain.clipping.parts.inside import Counter, passing
from asrtrain.clipping.parts.pieces import Link, link
from asrtrain.clipping.promises import UNTOUCHED, Promise
from asrtrain.clipping.thresholds import Positive

_EVERY = 20


class RecurrentClipConfig(ClipRuleConfig):
    """Limit gradients on their way back along time: ∂L/∂h_t ← ∂L/∂h_t · min(1, c / ‖∂L/∂h_t‖) for every utterance.

    h_t is what a recurrent layer hands from frame t to the next; an LSTM's cells are limited in the same way, on their
    own. L is the utterance's own loss if gradients are computed by ``clip.backward``, as in training; otherwise it is
    whatever ``backward`` is called on.
    """

    source: ClassVar = "Kaldi's ``ClipGradientComponent``"
    cost: ClassVar = "every recurrent layer runs in pieces of so many frames, and small ones are slow"
    examples: ClassVar = ({}, {"threshold": 0.01, "every": 1})

    name: Literal["recurrent_clip"] = "recurrent_clip"
    threshold: Positive = 30.0
    """c: the largest norm, of one utterance, layer and direction."""
    every: Annotated[int, Field(ge=1)] = _EVERY
    """At every how many frames. Kaldi does it at every one; that makes a step of an LSTM more than twice as long."""

    @property
    def promises(self) -> frozenset[Promise]:
        return UNTOUCHED

    def build(self, seed: int) -> ClipRule:
        return recurrent_clipping(self.threshold, self.every)


class RecurrentZeroConfig(ClipRuleConfig):
    """Cut gradients that explode on their way back along time: ∂L/∂h_t ← 0 where ‖∂L/∂h_t‖ > c, for every utterance.

    h_t and L are those of recurrent_clip. It is truncated backpropagation through time that truncates only where it
    must.
    """

    source: ClassVar = "Kaldi's ``BackpropTruncationComponent``"
    cost: ClassVar = "that of recurrent_clip"
    examples: ClassVar = ({}, {"threshold": 0.01, "every": 5})

    name: Literal["recurrent_zero"] = "recurrent_zero"
    threshold: Positive = 15.0
    """c: the largest norm that is let pass, of one utterance, layer and direction."""
    every: Annotated[int, Field(ge=1)] = 20
    """At every how many frames."""

    @property
    def promises(self) -> frozenset[Promise]:
        return UNTOUCHED

    def build(self, seed: int) -> ClipRule:
        return _OnRows(self.name, self.threshold, self.every, _zeroed)


def recurrent_clipping(threshold: float, every: int = _EVERY) -> ClipRule:
    """∂L/∂h_t ← ∂L/∂h_t · min(1, c / ‖∂L/∂h_t‖) at every so many frames."""
    return _OnRows("recurrent_clip", threshold, every, _shortened)


Factor = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""What rows are multiplied by whose norms exceed the limit, from both."""


@final
class _OnRows(InsideRule):
    """Multiplies rows of ∂L/∂h_t that are longer than the threshold; none that is not finite becomes finite by it."""

    def __init__(self, name: str, threshold: float, every: int, factor: Factor) -> None:
        self._name, self._threshold, self._every, self._factor = name, threshold, every, factor
        self._scale: torch.Tensor | float = 1.0
        self._counter = Counter()

    def attach(self, model: nn.Module) -> Callable[[], None]:
        return link(model, self._name, Link(self._every, partial(passing, change=self._limit)))

    def expect(self, scale: torch.Tensor | float) -> None:
        self._scale = scale

    def _limit(self, gradient: torch.Tensor) -> torch.Tensor:
        norms = torch.linalg.vector_norm(gradient, dim=-1, keepdim=True, dtype=torch.float64)
        limits = torch.full_like(norms, self._threshold) * self._scale
        above = norms > limits
        self._counter.add(above, norms != 0)
        factors = torch.where(above, self._factor(norms, limits), torch.ones_like(norms))
        return gradient * factors.to(gradient.dtype)

    def apply(self, gradients: Gradients) -> Action:
        return self._counter.report(gradients, self._threshold)

    def state_dict(self) -> State:
        return {}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Nothing to take back."""


def _shortened(norms: torch.Tensor, limits: torch.Tensor) -> torch.Tensor:
    return limits / norms


def _zeroed(norms: torch.Tensor, limits: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(norms)
