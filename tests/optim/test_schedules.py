"""Every schedule of the table: torch's numbers where torch has it, its own definition where not."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from pydantic import TypeAdapter
from torch.optim import lr_scheduler as torchs

from asrtrain.optim import SCHEDULES, Schedule

PER_EPOCH, EPOCHS = 7, 5
STEPS = PER_EPOCH * EPOCHS

TorchSchedule = Callable[[torch.optim.Optimizer], Any]


def schedule(name: str, **settings: object) -> Schedule:
    return SCHEDULES[name].model_validate({"name": name, **settings}).build(PER_EPOCH, EPOCHS)


def torchs_factors(build: TorchSchedule) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler, factors = build(optimizer), []
    for step in range(STEPS):
        factors.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step + 1 < STEPS:
            scheduler.step()
    return factors


def warmed(steps: int, then: TorchSchedule) -> TorchSchedule:
    """Torch's linear warm-up, then another of its schedules."""

    def build(optimizer: torch.optim.Optimizer) -> Any:
        up = torchs.LinearLR(optimizer, start_factor=1 / steps, total_iters=steps - 1)
        return torchs.SequentialLR(optimizer, [up, then(optimizer)], milestones=[steps])

    return build


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (schedule("constant"), lambda o: torchs.ConstantLR(o, factor=1.0)),
        (schedule("constant", warmup_epochs=2.0), lambda o: torchs.LinearLR(o, 1 / 14, total_iters=13)),
        (schedule("step", every_epochs=2, gamma=0.3), lambda o: torchs.StepLR(o, 2 * PER_EPOCH, gamma=0.3)),
        (schedule("exponential", gamma=0.8), lambda o: torchs.ExponentialLR(o, 0.8 ** (1 / PER_EPOCH))),
        (schedule("cosine", warmup_epochs=0.0, end=0.1), lambda o: torchs.CosineAnnealingLR(o, STEPS, eta_min=0.1)),
        (
            schedule("cosine", warmup_epochs=1.0, end=0.1),
            warmed(PER_EPOCH, lambda o: torchs.CosineAnnealingLR(o, STEPS - PER_EPOCH, eta_min=0.1)),
        ),
        (
            schedule("linear_warmup", warmup_epochs=1.0),
            warmed(PER_EPOCH, lambda o: torchs.LinearLR(o, 1.0, 0.0, total_iters=STEPS - PER_EPOCH)),
        ),
        (schedule("one_cycle"), lambda o: torchs.OneCycleLR(o, 1.0, STEPS, cycle_momentum=False)),
        (
            schedule("one_cycle", anneal="linear", rise=0.5, start_divisor=10.0, end_divisor=100.0),
            lambda o: torchs.OneCycleLR(
                o,
                1.0,
                STEPS,
                pct_start=0.5,
                anneal_strategy="linear",
                cycle_momentum=False,
                div_factor=10,
                final_div_factor=100,
            ),
        ),
        (schedule("noam", warmup_epochs=1.0), lambda o: torchs.LambdaLR(o, _vaswani)),
    ],
    ids=lambda value: "",
)
@pytest.mark.filterwarnings("ignore:.*(epoch parameter|call `lr_scheduler.step).*")
def test_the_factors_are_torchs(ours: Schedule, theirs: TorchSchedule) -> None:
    assert [ours.factor(step) for step in range(STEPS)] == pytest.approx(torchs_factors(theirs), abs=1e-9)


def _vaswani(step: int, size: int = 512, warmup: int = PER_EPOCH) -> float:
    """Equation 3 of Vaswani et al. (2017), divided by its largest value."""

    def rate(n: int) -> float:
        return float(size**-0.5 * min(n**-0.5, n * warmup**-1.5))

    return rate(step + 1) / rate(warmup)


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_factor_is_a_finite_number_that_can_be_used(name: str) -> None:
    plan = schedule(name)
    for epoch in range(EPOCHS + 1):
        factors = [plan.factor(step) for step in range(epoch * PER_EPOCH, (epoch + 1) * PER_EPOCH)]
        assert all(math.isfinite(factor) and 0.0 <= factor <= 2.0 for factor in factors)
        plan.observe(1.0 / (epoch + 1))


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize(("per_epoch", "epochs"), [(1, 1), (1, 2), (3, 1)])
def test_the_shortest_runs_have_a_first_step_that_learns(name: str, per_epoch: int, epochs: int) -> None:
    plan = SCHEDULES[name]().build(per_epoch, epochs)
    factors = [plan.factor(step) for step in range(per_epoch * epochs)]
    assert all(math.isfinite(factor) for factor in factors)
    assert factors[0] > 0.0


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize(("max_steps", "epochs"), [(2 * PER_EPOCH, 2), (STEPS, EPOCHS), (STEPS + 1, EPOCHS)])
def test_max_steps_ends_a_schedule_as_fewer_epochs_do(name: str, max_steps: int, epochs: int) -> None:
    config = SCHEDULES[name].model_validate({"name": name})
    shortened, whole = config.build(PER_EPOCH, EPOCHS, max_steps), config.build(PER_EPOCH, epochs)
    steps = range(PER_EPOCH * epochs)
    assert [shortened.factor(step) for step in steps] == [whole.factor(step) for step in steps]


@pytest.mark.parametrize("name", ["one_cycle", "cosine", "linear_warmup"])
@pytest.mark.parametrize("max_steps", [9, 10, 20, 34])
def test_what_comes_down_is_down_at_max_steps(name: str, max_steps: int) -> None:
    plan = SCHEDULES[name].model_validate({"name": name}).build(PER_EPOCH, 1000, max_steps)
    factors = [plan.factor(step) for step in range(max_steps)]
    assert max(factors) > 0.9
    assert factors[-1] == min(factors[factors.index(max(factors)) :])
    assert factors[-1] <= 0.5 / (max_steps - PER_EPOCH) + 0.4 * (name == "linear_warmup")
    assert plan.factor(max_steps) < 1e-3


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_state_survives_a_round_trip_at_any_epoch(name: str) -> None:
    losses = [2.0, 1.5, 1.6, math.nan, 1.7, 1.7, 1.2, 1.2, 1.2, 1.2]
    straight = schedule(name)
    for stop in range(len(losses)):
        resumed = schedule(name)
        state = straight.state_dict()
        assert all(isinstance(value, int | float) and math.isfinite(value) for value in state.values())
        resumed.load_state_dict(state)
        for loss in losses[stop:]:
            resumed.observe(loss)
        for step in (0, 3, STEPS):
            whole = schedule(name)
            for loss in losses:
                whole.observe(loss)
            assert resumed.factor(step) == whole.factor(step)
        straight.observe(losses[stop])


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_configuration_knows_its_name_and_documents_every_field(name: str) -> None:
    assert SCHEDULES[name]().name == name
    schema = TypeAdapter(SCHEDULES[name]).json_schema()
    assert [k for k, field in schema["properties"].items() if k != "name" and "description" not in field] == []


def test_plateau_drops_where_torchs_does() -> None:
    losses = [3.0, 2.0, 2.0, 1.9999, 2.1, 1.5, 1.5, 1.6, 1.7, 1.4, 1.4, 1.4, 1.4, 1.4, 1.4, 1.4, 1.4]
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = torchs.ReduceLROnPlateau(optimizer, factor=0.5, patience=2, threshold=1e-3, min_lr=0.1)
    ours = schedule("plateau", gamma=0.5, patience=2, threshold=1e-3, end=0.1)
    seen = set()
    for loss in losses:
        ours.observe(loss)
        theirs.step(loss)
        assert ours.factor(0) == optimizer.param_groups[0]["lr"]
        seen.add(ours.factor(0))
    assert len(seen) >= 3


def test_the_loss_drives_the_rate_up_slowly_and_down_fast() -> None:
    plan = schedule("loss_driven", up=1.1, down=0.5, end=0.2, top=1.2)
    factors = []
    for loss in [2.0, 1.0, 0.9, 0.9, 1.5, math.inf, 1.4, 1.5]:
        plan.observe(loss)
        factors.append(plan.factor(0))
    assert factors == pytest.approx([1.0, 1.1, 1.2, 1.2, 0.6, 0.3, 0.33, 0.2])


def test_a_warm_up_reaches_the_top_and_leaves_the_rest_alone() -> None:
    for name in ("constant", "step", "exponential", "plateau", "loss_driven"):
        cold, warm = schedule(name), schedule(name, warmup_epochs=1.0)
        assert warm.factor(0) == pytest.approx(cold.factor(0) / PER_EPOCH)
        assert [warm.factor(s) for s in range(6, STEPS)] == [cold.factor(s) for s in range(6, STEPS)]


def test_a_run_of_one_step_learns_something() -> None:
    """The last learning rate of a cycle is next to nothing."""
    assert SCHEDULES["one_cycle"].model_validate({"name": "one_cycle"}).build(1, 1).factor(0) == 1.0
