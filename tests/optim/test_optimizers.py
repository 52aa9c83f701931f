"""Every optimiser of the table: torch's numbers, parameter groups, and exact resumption."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from typing import Any

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch import nn

from asrtrain.optim import OPTIMIZERS, SCHEDULES, OptimizerConfig, parameter_groups

REFERENCES: dict[str, type[torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
}


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.BatchNorm1d(8), nn.Linear(8, 3))


def loss_of(model: nn.Module, step: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(step)
    inputs, targets = torch.randn(16, 6, generator=generator), torch.randint(0, 3, (16,), generator=generator)
    return nn.functional.cross_entropy(model(inputs), targets)


def optimizer_for(config: OptimizerConfig, model: nn.Module) -> torch.optim.Optimizer:
    return config.build(parameter_groups(model.named_parameters()))


def take(model: nn.Module, optimizer: torch.optim.Optimizer, steps: range, lr: float, schedule: Any = None) -> None:
    for step in steps:
        for group in optimizer.param_groups:
            group["lr"] = lr * (schedule.factor(step) if schedule else 1.0)
        optimizer.zero_grad()
        loss_of(model, step).backward()
        optimizer.step()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_numbers_are_torchs(name: str) -> None:
    config = OPTIMIZERS[name].model_validate({"name": name, "lr": 0.01, "weight_decay": 0.1})
    ours, theirs = network(), network()
    settings = config.model_dump(exclude={"name", "lr", "weight_decay"})
    reference = REFERENCES[name](
        [
            {"params": [p for p in theirs.parameters() if p.ndim > 1], "weight_decay": 0.1},
            {"params": [p for p in theirs.parameters() if p.ndim == 1], "weight_decay": 0.0},
        ],
        lr=0.01,
        **settings,
    )
    take(ours, optimizer_for(config, ours), range(20), 0.01)
    take(theirs, reference, range(20), 0.01)
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-5)
    assert isinstance(optimizer_for(config, ours), REFERENCES[name])


@pytest.mark.parametrize("amsgrad", [False, True])
@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_the_short_way_to_a_fused_step_comes_to_the_same_bits(name: str, amsgrad: bool) -> None:
    config = OPTIMIZERS[name].model_validate({"name": name, "lr": 0.01, "weight_decay": 0.1, "amsgrad": amsgrad})
    ours, theirs = network(), network()
    reference = REFERENCES[name](
        parameter_groups(theirs.named_parameters()),
        lr=0.01,
        weight_decay=0.1,
        amsgrad=amsgrad,  # type: ignore[call-arg]
        fused=True,
    )
    optimizer = optimizer_for(config, ours)
    for step in range(12):
        for model, one in ((ours, optimizer), (theirs, reference)):
            loss_of(model, step).backward()
            if step % 3 == 0:  # a part of the network that has learned, or has not begun to, may have no gradient
                model[3].weight.grad = model[3].bias.grad = None
            if step == 4:
                model[0].bias.grad = model[2].weight.grad = model[2].bias.grad = None
            one.step()
            one.zero_grad()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, other)
    mine_state, other_state = optimizer.state_dict(), reference.state_dict()
    assert mine_state["state"].keys() == other_state["state"].keys()
    for number, moments in other_state["state"].items():
        assert mine_state["state"][number].keys() == moments.keys()
        assert all(torch.equal(mine_state["state"][number][key], moments[key]) for key in moments)


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_a_gradient_scaler_is_listened_to(name: str) -> None:
    model = nn.Linear(2, 1)
    optimizer = optimizer_for(OPTIMIZERS[name](), model)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    before = model.weight.detach().clone()
    for bad in (True, False):
        scaler.scale(model(torch.ones(1, 2)).sum()).backward()  # type: ignore[no-untyped-call]
        assert model.weight.grad is not None
        if bad:
            model.weight.grad[0, 0] = float("inf")
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        assert torch.equal(model.weight, before) == bad
    assert model.weight.isfinite().all()
    assert int(optimizer.state[model.weight]["step"]) == 1


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_parameters_that_join_later_begin_later(name: str) -> None:
    model = network()
    optimizer = optimizer_for(OPTIMIZERS[name](), model)
    for step in range(3):
        loss_of(model, step).backward()
        if step == 0:
            model[0].weight.grad = None
        optimizer.step()
        optimizer.zero_grad()
    steps = {parameter: int(moments["step"]) for parameter, moments in optimizer.state.items()}
    assert steps[model[0].weight] == 2
    assert steps[model[3].weight] == 3


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimiser_learns(name: str) -> None:
    model = network()
    config = OPTIMIZERS[name]()
    optimizer = optimizer_for(config, model)
    before = float(loss_of(model, 0).detach())
    for _ in range(40):
        optimizer.zero_grad()
        loss_of(model, 0).backward()
        optimizer.step()
    assert float(loss_of(model, 0).detach()) < 0.9 * before


@pytest.mark.parametrize("schedule_name", SCHEDULES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimiser_under_every_schedule_stays_finite_and_resumes_bit_for_bit(
    name: str, schedule_name: str
) -> None:
    config, schedule_config = OPTIMIZERS[name](), SCHEDULES[schedule_name]()
    straight, first = network(), network()
    schedule = schedule_config.build(6, 2)
    take(straight, optimizer_for(config, straight), range(12), config.lr, schedule)
    assert all(parameter.isfinite().all() for parameter in straight.parameters())

    optimizer = optimizer_for(config, first)
    take(first, optimizer, range(5), config.lr, schedule)
    second = network(seed=1)
    second.load_state_dict(first.state_dict())
    resumed = optimizer_for(config, second)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    again = schedule_config.build(6, 2)
    again.load_state_dict(schedule.state_dict())
    take(second, resumed, range(5, 12), config.lr, again)
    for mine, other in zip(straight.parameters(), second.parameters(), strict=True):
        assert torch.equal(mine, other)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_configuration_knows_its_name_and_documents_every_field(name: str) -> None:
    assert OPTIMIZERS[name]().name == name
    schema = TypeAdapter(OPTIMIZERS[name]).json_schema()
    assert [k for k, field in schema["properties"].items() if k != "name" and "description" not in field] == []


def test_only_matrices_decay_and_frozen_parameters_are_left_out() -> None:
    model = nn.Sequential(nn.LSTM(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 2))
    model[2].weight.requires_grad_(False)
    decayed, undecayed = parameter_groups(model.named_parameters())
    assert "weight_decay" not in decayed
    assert undecayed["weight_decay"] == 0.0
    assert [tuple(p.shape) for p in decayed["params"]] == [(20, 4), (20, 5)]
    assert [tuple(p.shape) for p in undecayed["params"]] == [(20,), (20,), (5,), (5,), (2,)]


def test_there_are_no_empty_groups() -> None:
    assert [len(group["params"]) for group in parameter_groups(nn.Linear(2, 3, bias=False).named_parameters())] == [1]
    assert parameter_groups([]) == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"name": "sgd", "nesterov": True, "momentum": 0.0}, "nesterov: true needs a momentum above 0"),
        ({"name": "sgd", "lr": 0.0}, "greater than 0"),
        ({"name": "adam", "lr": float("nan")}, "finite number|greater than 0"),
        ({"name": "adamw", "betas": [0.9, 1.0]}, "less than 1"),
        ({"name": "adagrad", "weight_decay": -1.0}, "greater than or equal to 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        OPTIMIZERS[str(settings["name"])].model_validate(settings)


def test_training_does_not_load_the_compiler() -> None:
    code = """
import json, sys, torch
from asrtrain.optim import OPTIMIZERS, parameter_groups

loaded = {}
for name, config in OPTIMIZERS.items():
    model = torch.nn.Linear(2, 2)
    optimizer = config().build(parameter_groups(model.named_parameters()))
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    optimizer.load_state_dict(optimizer.state_dict())
    loaded[name] = "torch._dynamo" in sys.modules
print(json.dumps(loaded))
"""
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert json.loads(output) == dict.fromkeys(OPTIMIZERS, False)


def test_torchs_own_classes_stay_as_they_are() -> None:
    for name, reference in REFERENCES.items():
        ours = type(optimizer_for(OPTIMIZERS[name](), network()))
        assert ours is not reference
        assert ours.__name__ == reference.__name__
        assert reference.state_dict is torch.optim.Optimizer.state_dict
