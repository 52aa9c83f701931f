"""Measuring gradients: every parameter once, in a precision that neither overflows nor loses small parts."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from asrtrain.clipping.interface import Gradients


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


def _dense_values(parameter: torch.Tensor) -> torch.Tensor:
    gradient = parameter.grad
    assert gradient is not None
    if not gradient.is_sparse:
        return gradient
    parameter.grad = gradient.coalesce()
    return parameter.grad.values()


def tensor_norms(tensors: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """The 2-norm of each tensor, (N,) float64.

    A sum of squares of float32 overflows from 1.8e19 on, where the gradient itself is still finite: such a gradient
    must be clipped, not zeroed, so it is measured again in float64.
    """
    if not tensors:
        return torch.zeros(0, dtype=torch.float64)
    wide = torch.float32 if tensors[0].device.type == "cpu" else torch.float64
    norms = torch.stack(torch._foreach_norm(tensors, 2, dtype=_norm_dtype(tensors, wide))).double()
    if wide == torch.float32 and not bool(torch.isfinite(norms).all()):
        norms = torch.stack(torch._foreach_norm(tensors, 2, dtype=torch.float64))
    return norms


def _norm_dtype(tensors: tuple[torch.Tensor, ...], least: torch.dtype) -> torch.dtype:
    """At least ``least``: half-precision gradients are measured in float32, since 300² overflows float16."""
    return torch.float64 if any(t.dtype == torch.float64 for t in tensors) else least
