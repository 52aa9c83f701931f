"""Weakening utterances whose gradients stick out of their batch (icefall's ``GradientFilter``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar, Literal, final

import torch
from torch import nn

from asrtrain.clipping.interface import Action, ClipRule, ClipRuleConfig, Gradients, InsideRule, State
from asrtrain.clipping.parts.inside import Change, Counter, passing, recurrent_modules
from asrtrain.clipping.promises import UNTOUCHED, Promise
from asrtrain.clipping.thresholds import Positive
from asrtrain.errors import UsageError


class UtteranceFilterConfig(ClipRuleConfig):
    """Weaken utterances that stick out, in every recurrent layer: ∂L/∂y_b ← ∂L/∂y_b · κ / (κ + n_b), κ = c · median(n).

    y_b are utterance b's outputs of the layer, and then its inputs; n_b is the root mean square over the frames where
    ∂L/∂y_b is not zero, so that padding does not count; the median is the lower one, over utterances with 0 < n_b < ∞.
    An utterance whose gradient is not finite there is taken out alone. Equal utterances are all weakened alike, by
    c / (c + 1). Nothing happens where fewer than two utterances have a gradient, or none has a finite one: there is
    nothing to compare. Of several processes, each compares its own utterances.
    """

    source: ClassVar = "icefall's ``GradientFilter``"
    cost: ClassVar = "two passes over the outputs and inputs of every recurrent layer"
    examples: ClassVar = ({}, {"threshold": 1.0})
    compares_utterances: ClassVar = True

    name: Literal["utterance_filter"] = "utterance_filter"
    threshold: Positive = 10.0
    """c: how many times the median an utterance must have to be weakened by half. The share that is reported is that of
    utterances weakened by more."""

    @property
    def promises(self) -> frozenset[Promise]:
        return UNTOUCHED

    def build(self, seed: int) -> ClipRule:
        return _UtteranceFilter(self.threshold)


@final
class _UtteranceFilter(InsideRule):
    def __init__(self, threshold: float) -> None:
        self._threshold, self._counter = threshold, Counter()

    def attach(self, model: nn.Module) -> Callable[[], None]:
        handles = []
        for module in recurrent_modules(model, "utterance_filter"):
            change = partial(self._weaken, rows=0 if module.batch_first else 1)
            handles.append(module.register_forward_pre_hook(partial(_at_input, change)))
            handles.append(module.register_forward_hook(partial(_at_output, change)))

        def detach() -> None:
            for handle in handles:
                handle.remove()

        return detach

    def _weaken(self, gradient: torch.Tensor, rows: int) -> torch.Tensor:
        if gradient.ndim < 3:  # a single utterance
            return gradient
        by_row = gradient.movedim(rows, 0)
        strength = _root_mean_squares(by_row)
        sound = torch.isfinite(strength) & (strength > 0)
        comparable = sound.any() & ((strength != 0).sum() > 1)
        # NaN, and so nothing, where no utterance is sound.
        kappa = self._threshold * torch.where(sound, strength, torch.nan).nanmedian()
        spoilt = ~torch.isfinite(strength)
        self._counter.add(comparable & (spoilt | (strength > kappa)), strength != 0)
        factors = torch.where(sound, kappa / (kappa + strength), torch.ones_like(strength))
        shape = (-1, *[1] * (gradient.ndim - 1))
        weakened = torch.where(spoilt.view(shape), 0.0, by_row * factors.to(gradient.dtype).view(shape))
        changed: torch.Tensor = torch.where(comparable, weakened, by_row)
        return changed if rows == 0 else changed.transpose(0, rows)

    def apply(self, gradients: Gradients) -> Action:
        return self._counter.report(gradients, self._threshold)

    def state_dict(self) -> State:
        return {}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Nothing to take back."""


def _root_mean_squares(by_row: torch.Tensor) -> torch.Tensor:
    """(B, T, H) to (B,), over the frames that are not zero altogether; float64, whose squares do not overflow."""
    frames = torch.linalg.vector_norm(by_row, dim=2, dtype=torch.float64)
    elements = (frames != 0).sum(dim=1).clamp(min=1) * by_row.shape[2]
    strength: torch.Tensor = torch.linalg.vector_norm(frames, dim=1) / elements.sqrt()
    return strength


def _at_input(change: Change, module: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
    frames, *state = given
    if not isinstance(frames, torch.Tensor):
        raise UsageError("the clipping rule utterance_filter compares padded utterances, and found a packed sequence")
    return (passing(frames, change), *state)


def _at_output(
    change: Change, module: nn.Module, given: tuple[Any, ...], answer: tuple[torch.Tensor, Any]
) -> tuple[torch.Tensor, Any]:
    return passing(answer[0], change), answer[1]
