"""The length of a run and its schedule: what is said of them, and where the learning rate ends."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from training_recipe import CPU, ingredients

from asrtrain.optim import SCHEDULES
from asrtrain.training import Outcome, TrainingConfig, train

PER_EPOCH = 4
"""Steps: 60 utterances, 8 in a batch, 2 batches in a step."""


def trained(
    folder: Path, cache: Path, fsdd: Path, schedule: dict[str, Any], clipping: Any = None, **settings: Any
) -> Outcome:
    config = TrainingConfig(**{"batch_size": 8, "accum_grad": 2, **settings})
    parts = ingredients(fsdd, cache, config, augment=False, model={"name": "softmax"}, clipping=clipping)
    plan = SCHEDULES[schedule["name"]].model_validate(schedule)
    built = plan.build(config.steps_per_epoch(parts.batches.batches_per_epoch), config.max_epochs, config.max_steps)
    return train(replace(parts, schedule=built), config, folder, seed=1, device=CPU, metadata={})


def rates(folder: Path) -> list[float]:
    lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return [line["lr"] / 5e-3 for line in lines if line["kind"] == "step" and line["stepped"]]


def said(folder: Path) -> str:
    return (folder / "log.txt").read_text()


@pytest.mark.parametrize("max_steps", [6, 9])
def test_one_cycle_comes_down_with_accumulated_batches(fsdd: Path, cache: Path, tmp_path: Path, max_steps: int) -> None:
    outcome = trained(tmp_path, cache, fsdd, {"name": "one_cycle"}, max_epochs=50, max_steps=max_steps)
    assert (outcome.stopped_by, outcome.steps) == ("max_steps", max_steps)
    assert max(rates(tmp_path)) > 0.9
    assert rates(tmp_path)[-1] == pytest.approx(1 / (25 * 1e4))


def test_it_comes_down_where_steps_were_skipped_too(fsdd: Path, cache: Path, tmp_path: Path) -> None:
    faults = [{"kind": "nan_feature", "step": step} for step in (2, 3)]
    nonfinite = {"loss": "skip", "gradient": "skip", "per_epoch": 1.0}
    outcome = trained(
        tmp_path, cache, fsdd, {"name": "one_cycle"}, max_epochs=50, max_steps=6, inject=faults, on_nonfinite=nonfinite
    )
    assert outcome.steps == len(rates(tmp_path)) == 6
    assert rates(tmp_path)[-1] == pytest.approx(1 / (25 * 1e4))


@pytest.mark.parametrize(
    ("schedule", "longer", "notice"),
    [
        (
            {"name": "one_cycle"},
            {"max_epochs": 4},
            "begun as a run of 8 steps, and now one of 16: the schedule is that",
        ),
        (
            {"name": "one_cycle"},
            {"max_steps": 12},
            "begun as a run of 8 steps, and now one of 12: the schedule is that",
        ),
        ({"name": "constant"}, {"max_epochs": 4}, "one of 16: the learning rate of the next step is the same"),
        ({"name": "one_cycle"}, {}, ""),
    ],
)
def test_a_run_taken_up_with_another_length_says_what_becomes_of_its_schedule(
    fsdd: Path, cache: Path, tmp_path: Path, schedule: dict[str, Any], longer: dict[str, int], notice: str
) -> None:
    trained(tmp_path, cache, fsdd, schedule, max_epochs=2 if "max_steps" not in longer else 9, max_steps=8)
    before = rates(tmp_path)
    trained(tmp_path, cache, fsdd, schedule, **{"max_epochs": 9, "max_steps": 8 if not longer else None} | longer)
    assert ("begun as a run" in said(tmp_path)) == bool(notice)
    assert notice in said(tmp_path)
    if notice and schedule["name"] == "one_cycle":
        after = rates(tmp_path)[len(before)]
        told = said(tmp_path).split("learning rate is ")[1].split(" of the full one in place of ")
        assert float(told[0]) == pytest.approx(after, rel=1e-2)
        assert float(told[1].split()[0]) == pytest.approx(1 / (25 * 1e4), rel=1e-2)


@pytest.mark.parametrize(("warm_up", "rises"), [(1.0, True), (0.5, False)])
def test_a_warm_up_as_long_as_the_run_is_told_of(
    fsdd: Path, cache: Path, tmp_path: Path, warm_up: float, rises: bool
) -> None:
    trained(tmp_path, cache, fsdd, {"name": "linear_warmup", "warmup_epochs": warm_up}, max_epochs=9, max_steps=3)
    assert ("rises until the last of 3 steps, where it is 0.75 of the full one" in said(tmp_path)) == rises
