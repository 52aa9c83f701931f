"""What rules share that act inside a model: seeing gradients on their way back, counting, and reporting."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import torch
from torch import nn

from asrtrain.clipping.interface import Action, Gradients
from asrtrain.errors import UsageError

Change = Callable[[torch.Tensor], torch.Tensor]
"""What becomes of a gradient: another one of the same shape."""


def passing(tensor: torch.Tensor, change: Change) -> torch.Tensor:
    """The same numbers, whose gradient goes back through ``change``; other uses of ``tensor`` do not notice."""
    if not tensor.requires_grad:
        return tensor

    def change_if_any(gradient: torch.Tensor | None) -> torch.Tensor | None:
        return None if gradient is None else change(gradient)  # autograd may write None for zero

    passed = tensor.view_as(tensor)
    passed.register_hook(change_if_any)  # type: ignore[no-untyped-call]
    return passed


def recurrent_modules(model: nn.Module, rule: str) -> list[nn.RNNBase]:
    """Torch's recurrent layers in a model. Raises UsageError if there are none, or some that go step by step.

    Those run once a step, outside of what the rule sees: it would act on a part of the recurrences and not say so.
    """
    stepped = [name for name, module in model.named_modules() if isinstance(module, nn.RNNCellBase)]
    if stepped:
        raise UsageError(
            f"the clipping rule {rule} acts in recurrent layers that run over whole utterances, and {stepped[0]} goes "
            "step by step: remove the rule, or choose another head"
        )
    found = [module for module in model.modules() if isinstance(module, nn.RNNBase)]
    if not found:
        raise UsageError(f"the clipping rule {rule} acts in recurrent layers, and the model has none; remove the rule")
    return found


@final
class Counter:
    """Counts what was changed, and of how many, since it was last asked; without waiting for the device."""

    def __init__(self) -> None:
        self._changed: torch.Tensor | float = 0.0
        self._of: torch.Tensor | float = 0.0

    def add(self, changed: torch.Tensor, of: torch.Tensor) -> None:
        """Count the places where two tensors of truth values are true."""
        self._changed, self._of = self._changed + changed.sum(), self._of + of.sum()

    def report(self, gradients: Gradients, threshold: float) -> Action:
        """Tell the share that was changed inside, of gradients that need no more change; and begin anew."""
        changed, of = (torch.as_tensor(n).to(gradients.total) for n in (self._changed, self._of))
        self._changed = self._of = 0.0
        share = torch.where((of > 0) & gradients.finite, changed / of, torch.zeros_like(of))
        return Action(torch.full_like(share, threshold), share, gradients.norms)
