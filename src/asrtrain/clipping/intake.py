"""What is given to be clipped: parameters, alone or with their names, and gradients that can be changed in place."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from types import GeneratorType
from typing import Any

import torch

from asrtrain.errors import UsageError

Parameters = torch.Tensor | Iterable[torch.Tensor] | Iterable[tuple[str, torch.Tensor]]
"""One parameter or several, as torch's ``clip_grad_norm_`` takes them, or pairs of name and parameter."""

Taken = tuple[tuple[str, ...], tuple[torch.Tensor, ...], tuple[torch.Tensor, ...]]
"""Names, parameters and gradients, which run in parallel; of a sparse gradient its values."""


def take_in(parameters: Parameters, *, empty_too: bool = False) -> Taken:
    """Every parameter with a gradient, once; with ``empty_too`` also where the gradient has no element.

    Sparse gradients are coalesced, since the norm of an uncoalesced one is wrong. A gradient whose elements share
    memory, with each other or with another parameter's gradient, is replaced by a copy: changing one would change the
    other. Raises UsageError for what is no parameter.
    """
    found: dict[int, tuple[str, torch.Tensor, torch.Tensor]] = {}
    position = -1
    for position, item in enumerate(_iterable(parameters)):
        try:
            name, parameter = item if isinstance(item, tuple) else (str(position), item)
            gradient = parameter.grad
        except (AttributeError, ValueError) as error:
            raise _no_parameter(item) from error
        if gradient is not None and (gradient.numel() or empty_too) and id(parameter) not in found:
            dense = gradient.layout is torch.strided
            found[id(parameter)] = (name, parameter, gradient if dense else _values(name, parameter))
    if not found:
        if position < 0 and isinstance(parameters, GeneratorType):
            warnings.warn("the generator of parameters is used up: nothing is clipped; make a new one", stacklevel=4)
        return (), (), ()
    names, kept, tensors = zip(*found.values(), strict=True)
    if not isinstance(names[0], str):
        raise _no_parameter((names[0], kept[0]))
    return names, kept, tensors if _lie_apart(tensors) else _laid_apart(kept, tensors)


def what_cannot_be_measured(names: Sequence[str], gradients: Sequence[torch.Tensor]) -> UsageError | None:
    """Why norms of these gradients cannot be computed, where that is known."""
    for name, gradient in zip(names, gradients, strict=True):
        if gradient.is_complex():
            return UsageError(
                f"the gradient of parameter {name} is complex, and clipping knows real numbers alone: keep the "
                "parameter as real numbers, and give the model torch.view_as_complex of it"
            )
    devices = sorted({str(gradient.device) for gradient in gradients})
    if len(devices) > 1:
        return UsageError(f"the gradients lie on several devices ({', '.join(devices)}): clip those of each apart")
    return None


def _iterable(parameters: Any) -> Iterable[Any]:  # noqa: ANN401 - what a user has given
    if isinstance(parameters, torch.Tensor):
        return (parameters,)
    if not isinstance(parameters, Iterable):
        raise _no_parameter(parameters)
    return parameters


def _no_parameter(given: object) -> UsageError:
    return UsageError(
        f"{type(given).__name__} is no parameter to clip: give model.parameters() or model.named_parameters()"
    )


def _values(name: str, parameter: torch.Tensor) -> torch.Tensor:
    """The values of a sparse gradient, which is coalesced where it is."""
    gradient = parameter.grad
    assert gradient is not None
    if not gradient.is_sparse:
        raise UsageError(f"the gradient of parameter {name} is {gradient.layout}: make it dense, or torch.sparse_coo")
    parameter.grad = gradient.coalesce()
    return parameter.grad.values()


def _lie_apart(gradients: Sequence[torch.Tensor]) -> bool:
    """Whether it is certain at a glance that no two elements share memory."""
    return len(set(map(torch.Tensor.data_ptr, gradients))) == len(gradients) and all(
        map(torch.Tensor.is_contiguous, gradients)
    )


def _laid_apart(parameters: Sequence[torch.Tensor], gradients: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    """The gradients, with copies of those that share memory in their place and in the parameters."""
    seen, apart = set[int](), list[torch.Tensor]()
    for parameter, gradient in zip(parameters, gradients, strict=True):
        start, own = gradient.data_ptr(), gradient
        if start in seen or torch._debug_has_internal_overlap(gradient):
            assert parameter.grad is not None
            parameter.grad = copy = torch.empty_like(parameter.grad).copy_(parameter.grad)
            own = copy.values() if copy.is_sparse else copy
        elif start:  # 0: there are no elements
            seen.add(start)
        apart.append(own)
    return tuple(apart)
