"""Rules that turn gradients, and what they tell about it: a copy from before is compared with what is there after."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from asrtrain.clipping.interface import Action, Gradients
from asrtrain.clipping.measure import inner_products, tensor_norms
from asrtrain.clipping.parts.looking import free_to_look


def copied(gradients: Gradients) -> list[torch.Tensor]:
    """The gradients as they are now, to be changed in place from here on."""
    return [tensor.clone() for tensor in gradients.tensors]


def compared(
    gradients: Gradients, copies: Sequence[torch.Tensor], threshold: torch.Tensor, share: torch.Tensor | None = None
) -> Action:
    """What was done to gradients since they were copied; ``share`` () where it is known which elements changed.

    Where nobody could look whether the gradients are finite, those that are not are put back as they were.
    """
    if not free_to_look(gradients.total):
        for tensor, copy in zip(gradients.tensors, copies, strict=True):
            tensor.copy_(torch.where(gradients.finite, tensor, copy))
    if share is None:
        share = _unequal(gradients.tensors, copies) / max(1, gradients.size)
    share = torch.where(gradients.finite, share, torch.zeros_like(share))
    norms = tensor_norms(gradients.tensors)
    lengths = gradients.norms * norms
    cosines = inner_products(copies, gradients.tensors) / lengths
    return Action(threshold, share, norms, cosines=torch.where(lengths > 0, cosines, torch.ones_like(lengths)))


def _unequal(left: Sequence[torch.Tensor], right: Sequence[torch.Tensor]) -> torch.Tensor:
    """In how many elements two lists of tensors differ, (); counted as numbers, which is faster than as booleans."""
    differ = [torch.ne(a, b, out=torch.empty(a.shape, device=a.device)).sum() for a, b in zip(left, right, strict=True)]
    return torch.stack(differ).double().sum()
