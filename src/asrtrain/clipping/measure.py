"""Measuring gradients: every parameter once, in a precision that neither overflows nor loses small parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from types import EllipsisType

import torch

from asrtrain.clipping.interface import Action, Gradients

_SMALLEST = 1e-15
"""Squares of float32 lose precision where norms are smaller than this, and vanish below 1e-23."""


def measure(parameters: Iterable[torch.Tensor] | Iterable[tuple[str, torch.Tensor]]) -> Gradients:
    """Measure the gradients of ``parameters``, given alone or with their names; those without a gradient are left out.

    Tied parameters are counted once. Sparse gradients are coalesced, since the norm of an uncoalesced one is wrong.
    """
    named: dict[int, tuple[str, torch.Tensor]] = {}
    for position, item in enumerate(parameters):
        name, parameter = item if isinstance(item, tuple) else (str(position), item)
        if parameter.grad is not None and parameter.grad.numel():
            named.setdefault(id(parameter), (name, parameter))
    names, kept = tuple(n for n, _ in named.values()), tuple(p for _, p in named.values())
    tensors = tuple(_dense_values(parameter) for parameter in kept)
    norms = tensor_norms(tensors)
    return Gradients(names, kept, tensors, norms, torch.linalg.vector_norm(norms))


def measured_after(action: Action, before: Gradients) -> Gradients:
    """The gradients after a rule, measured again only where the rule does not know their norms."""
    if action.norms is not None:
        return replace(before, norms=action.norms, total=torch.linalg.vector_norm(action.norms))
    if bool(action.share > 0):
        return measure(zip(before.names, before.parameters, strict=True))
    return before


def _dense_values(parameter: torch.Tensor) -> torch.Tensor:
    gradient = parameter.grad
    assert gradient is not None
    if not gradient.is_sparse:
        return gradient
    parameter.grad = gradient.coalesce()
    return parameter.grad.values()


def entries(parameter: torch.Tensor) -> torch.Tensor | EllipsisType:
    """Which entries of a parameter its gradient's values belong to: some rows if it is sparse, else all of it."""
    gradient = parameter.grad
    assert gradient is not None
    return gradient.indices()[0] if gradient.is_sparse else ...


def tensor_norms(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """The 2-norm of each tensor, (N,) float64.

    A sum of squares of float32 overflows from 1.8e19 on, where the gradient itself is still finite: such a gradient
    must be clipped, not zeroed, so it is measured again in float64. So is one whose squares nearly vanish.
    """
    if not tensors:
        return torch.zeros(0, dtype=torch.float64)
    wide = torch.float32 if tensors[0].device.type == "cpu" else torch.float64
    norms = torch.stack(torch._foreach_norm(list(tensors), 2, dtype=_norm_dtype(tensors, wide))).double()
    if wide == torch.float32:
        doubtful = torch.nonzero(~torch.isfinite(norms) | (norms < _SMALLEST)).flatten().tolist()
        for i in doubtful:
            norms[i] = torch.linalg.vector_norm(tensors[i], dtype=torch.float64)
    return norms


def _norm_dtype(tensors: Sequence[torch.Tensor], least: torch.dtype) -> torch.dtype:
    """At least ``least``: half-precision gradients are measured in float32, since 300² overflows float16."""
    return torch.float64 if any(t.dtype == torch.float64 for t in tensors) else least
