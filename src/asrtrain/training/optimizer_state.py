"""The optimiser's state by parameter name, without pickle."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

Named = Iterable[tuple[str, nn.Parameter]]


def optimizer_state(optimizer: torch.optim.Optimizer, parameters: Named) -> dict[str, Any]:
    """The state of every parameter by its name, and the settings of every group."""
    state = {name: dict(optimizer.state[parameter]) for name, parameter in parameters if parameter in optimizer.state}
    return {"state": state, "groups": _groups(optimizer)}


def restore_optimizer(optimizer: torch.optim.Optimizer, parameters: Named, saved: Mapping[str, Any]) -> None:
    """Take the state back, of shards if the parameters are.

    Raises ValueError if the groups differ, LookupError if a parameter is unknown.
    """
    present, then = _groups(optimizer), saved["groups"]
    if present != then:
        raise ValueError(f"the optimiser's groups were {then}, now they are {present}")
    named = dict(parameters)
    own = optimizer.state_dict()
    places = {id(p): i for i, p in enumerate(p for group in optimizer.param_groups for p in group["params"])}
    state = {}
    for name, values in saved["state"].items():
        parameter = named[name]
        state[places[id(parameter)]] = {key: _like(parameter, value) for key, value in values.items()}
    optimizer.load_state_dict({"state": state, "param_groups": own["param_groups"]})


def _like(parameter: nn.Parameter, value: object) -> object:
    """A copy that lies in memory as its parameter does, if it has its shape: so did the moment that was saved, and
    only then is arithmetic on it bit-identical.
    """
    if not isinstance(value, torch.Tensor):
        return value
    # Of a DTensor, whose class takes long to import.
    held: torch.Tensor = value.to_local() if hasattr(value, "to_local") else value
    if held.shape != parameter.shape:
        return held.clone()
    return torch.empty_like(parameter, dtype=held.dtype, device="cpu", requires_grad=False).copy_(held)


def _groups(optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
    """Settings as JSON has them; the learning rate is the schedule's, the parameters are named elsewhere."""
    groups = [{k: v for k, v in group.items() if k not in ("params", "lr")} for group in optimizer.param_groups]
    settings: list[dict[str, Any]] = json.loads(json.dumps(groups))
    return settings
