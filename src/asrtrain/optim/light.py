"""torch's optimisers without what a step has no use for: torch.compile, hooks, and a look at every tensor's device."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch

Kind = TypeVar("Kind", bound=torch.optim.Optimizer)

_HIDDEN_FROM_COMPILER = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")
"""Methods that torch wraps so that its compiler leaves them alone; the wrapper loads the compiler to tell it so, which
takes longer than a short run trains."""


def light(kind: type[Kind], step: Callable[[Kind], None] | None = None) -> type[Kind]:
    """The same optimiser by the same name, its methods as they were written; nothing of torch is changed.

    Of the wrappers, only what forbids gradients of a step is put back: no step of ours is differentiated, none has
    hooks, and none is recorded for torch's profiler. ``step`` takes the place of the one that was written.
    """
    methods: dict[str, Any] = {name: inspect.unwrap(getattr(kind, name)) for name in _HIDDEN_FROM_COMPILER}
    methods["step"] = torch.no_grad()(step or inspect.unwrap(kind.step))
    methods["step"].hooked = True  # else torch wraps it again
    return cast(type[Kind], type(kind.__name__, (kind,), methods))
