"""torch's optimisers without torch.compile, which using one imports: longer than a short run trains."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar, cast

import torch

Kind = TypeVar("Kind", bound=torch.optim.Optimizer)

_HIDDEN_FROM_COMPILER = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")
"""Methods that torch wraps so that its compiler leaves them alone; the wrapper loads the compiler to tell it so."""


def light(kind: type[Kind]) -> type[Kind]:
    """The same optimiser by the same name, its methods as they were written; nothing of torch is changed.

    Of the wrappers, only what forbids gradients of a step is put back: no step of ours is differentiated.
    """
    methods: dict[str, Any] = {name: inspect.unwrap(getattr(kind, name)) for name in _HIDDEN_FROM_COMPILER}
    methods["step"] = torch.no_grad()(inspect.unwrap(kind.step))
    return cast(type[Kind], type(kind.__name__, (kind,), methods))
