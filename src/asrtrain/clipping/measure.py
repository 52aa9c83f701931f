"""Measuring gradients: every parameter once, in a precision that neither overflows nor loses small parts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import EllipsisType

import torch

from asrtrain.clipping.intake import Parameters, take_in, what_cannot_be_measured
from asrtrain.clipping.interface import Action, Gradients
from asrtrain.clipping.parts.looking import certainly, free_to_look
from asrtrain.clipping.sharded import Shards

_SMALLEST = 1e-15
"""Squares of float32 lose precision where norms are smaller than this, and vanish below 1e-23."""


def measure(parameters: Parameters, shards: Shards | None = None) -> Gradients:
    """Measure the gradients of ``parameters``, given alone or with their names; those without a gradient are left out.

    With ``shards`` all processes measure together what each of them holds a part of, which may be empty. A parameter
    that is listed twice is counted once. Raises UsageError for gradients that cannot be measured, such as complex ones.
    """
    names, kept, tensors = take_in(parameters, empty_too=shards is not None)
    try:
        norms = tensor_norms(tensors, shards)
    except RuntimeError as error:
        raise what_cannot_be_measured(names, tensors) or error from error
    return Gradients(names, kept, tensors, norms, total_norm(norms), shards)


def measured_after(action: Action, before: Gradients) -> Gradients:
    """The gradients after a rule, measured again only where the rule does not know their norms."""
    if action.share is None or action.norms is before.norms or certainly(action.share == 0):
        return before
    norms = tensor_norms(before.tensors, before.shards) if action.norms is None else action.norms
    return Gradients(before.names, before.parameters, before.tensors, norms, total_norm(norms), before.shards)


def entries(parameter: torch.Tensor) -> torch.Tensor | EllipsisType:
    """Which entries of a parameter its gradient's values belong to: some rows if it is sparse, else all of it."""
    gradient = parameter.grad
    assert gradient is not None
    return gradient.indices()[0] if gradient.is_sparse else ...


def tensor_norms(tensors: Sequence[torch.Tensor], shards: Shards | None = None) -> torch.Tensor:
    """The 2-norm of each tensor, (N,) float64; of whole ones where ``shards`` of them are given.

    A sum of squares of float32 overflows from 1.8e19 on, where the gradient itself is still finite: such a gradient
    must be clipped, not zeroed, so it is measured again in float64. So is one whose squares nearly vanish. Where
    looking is not free, all are measured in float64.
    """
    if not tensors:
        return torch.zeros(0, dtype=torch.float64)
    look = free_to_look(tensors[0])
    # Half precision is measured in float32 at least, since 300² overflows float16.
    wide = not look or torch.float64 in {tensor.dtype for tensor in tensors}
    precision = torch.float64 if wide else torch.float32
    each = torch._foreach_norm(list(tensors), 2, dtype=precision)
    if look:
        numbers = [norm.item() for norm in each]
        inexact = [] if wide else [i for i, norm in enumerate(numbers) if not _SMALLEST <= norm < math.inf]
        for i in inexact:
            numbers[i] = torch.linalg.vector_norm(tensors[i], dtype=torch.float64).item()
        norms = torch.tensor(numbers, dtype=torch.float64)  # a third of what it takes to stack them
    else:
        norms = torch.stack(each).double()
    return norms if shards is None else shards.sum(norms.square()).sqrt()


def total_norm(norms: torch.Tensor) -> torch.Tensor:
    """The 2-norm () of tensors with these norms (N,), in float64."""
    if free_to_look(norms):
        return torch.tensor(math.hypot(*norms.tolist()), dtype=torch.float64)
    total: torch.Tensor = torch.linalg.vector_norm(norms)
    return total


def inner_products(left: Sequence[torch.Tensor], right: Sequence[torch.Tensor]) -> torch.Tensor:
    """Of the tensors of two lists, one by one, (N,) float64; as careful about large and small numbers as the norms."""
    if not left:
        return torch.zeros(0, dtype=torch.float64)
    pairs = [(a.reshape(-1), b.reshape(-1)) for a, b in zip(left, right, strict=True)]
    if not free_to_look(left[0]):
        return torch.stack([torch.dot(a.double(), b.double()) for a, b in pairs])
    products = torch.stack(
        [torch.dot(*pair) if pair[0].element_size() >= 4 else _wide(pair) for pair in pairs]
    ).double()
    for i, product in enumerate(products.tolist()):
        if not _SMALLEST**2 <= abs(product) < math.inf:
            products[i] = _wide(pairs[i])
    return products


def _wide(pair: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    return torch.dot(pair[0].double(), pair[1].double())
