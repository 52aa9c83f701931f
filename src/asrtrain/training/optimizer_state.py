"""The optimiser's state by parameter name, without pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn


def optimizer_state(optimizer: torch.optim.Optimizer, model: nn.Module) -> dict[str, Any]:
    """The state of every parameter by its name, and the settings of every group."""
    state = {
        name: dict(optimizer.state[parameter])
        for name, parameter in model.named_parameters()
        if parameter in optimizer.state
    }
    return {"state": state, "groups": _groups(optimizer)}


def restore_optimizer(optimizer: torch.optim.Optimizer, model: nn.Module, saved: Mapping[str, Any]) -> None:
    """Take the state back. Raises ValueError if the groups differ, LookupError if a parameter is unknown."""
    present, then = _groups(optimizer), saved["groups"]
    if present != then:
        raise ValueError(f"the optimiser's groups were {then}, now they are {present}")
    parameters = dict(model.named_parameters())
    own = optimizer.state_dict()
    places = {id(p): i for i, p in enumerate(p for group in optimizer.param_groups for p in group["params"])}
    state = {}
    for name, values in saved["state"].items():
        parameter = parameters[name]
        state[places[id(parameter)]] = {key: _like(parameter, value) for key, value in values.items()}
    optimizer.load_state_dict({"state": state, "param_groups": own["param_groups"]})


def _like(parameter: nn.Parameter, value: object) -> object:
    """A copy that lies in memory as its parameter does, if it has its shape: so did the moment that was saved, and
    only then is arithmetic on it bit-identical.
    """
    if not isinstance(value, torch.Tensor):
        return value
    if value.shape != parameter.shape:
        return value.clone()
    return torch.empty_like(parameter, dtype=value.dtype, device="cpu", requires_grad=False).copy_(value)


def _groups(optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
    """Settings as JSON has them; the learning rate is the schedule's, the parameters are named elsewhere."""
    groups = [{k: v for k, v in group.items() if k not in ("params", "lr")} for group in optimizer.param_groups]
    settings: list[dict[str, Any]] = json.loads(json.dumps(groups))
    return settings
