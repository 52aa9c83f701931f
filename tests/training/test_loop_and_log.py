"""What a whole run decides and writes."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from training_recipe import CONFIG, CPU, ingredients, run

from asrtrain.files.sealed import unseal_line
from asrtrain.optim.interface import Schedule
from asrtrain.training import Outcome, TrainingConfig, Validation, read_metadata, train
from asrtrain.training.checkpoint import load_tensors
from asrtrain.training.parameter_words import in_words
from asrtrain.training.records import StepRecord
from asrtrain.training.selection import judge_epoch
from asrtrain.training.state import Progress
from asrtrain.training.summary import Summary


def lines(folder: Path, kind: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line for line in found if line["kind"] == kind]


def test_jsonl_and_csv_tell_the_same(straight):
    with (straight / "metrics.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    (named,) = lines(straight, "parameters")
    metrics = [unseal_line(line) for line in (straight / "metrics.jsonl").read_text().splitlines()[1:]]
    assert len(table) == len(metrics) == 12 + 3
    for row, line in zip(table, metrics, strict=True):
        shares = line.pop("shares", [])
        line |= {f"share.{name}": share for name, share in zip(named["names"], shares, strict=bool(shares))}
        if "estimates" in line:
            line["estimates"] = json.dumps(line["estimates"])
        assert {key: value for key, value in row.items() if value} == {
            key: str(value) for key, value in line.items() if value not in (None, "", "{}")
        }


def test_every_number_of_the_log_is_short(straight):
    for step in lines(straight, "step"):
        del step["norm_before"], step["shares"]  # clipping is replayed from them: they keep every digit
        numbers = [value for value in step.values() if isinstance(value, float)]
        assert [float(f"{number:.6g}") for number in numbers] == numbers


def test_every_step_is_logged_once_and_adds_up(straight):
    steps = lines(straight, "step")
    assert [step["step"] for step in steps] == list(range(1, 13))
    for step in steps:
        assert step["stepped"]
        assert step["utterances"] == step["counted"]
        assert step["clipped"] == (step["coefficient"] < 1)
        assert step["norm_after"] == pytest.approx(step["norm_before"] * step["coefficient"], rel=1e-5)
    for epoch in lines(straight, "epoch"):
        own = [step for step in steps if step["epoch"] == epoch["epoch"]]
        assert sum(step["utterances"] for step in own) == 60
        mean = sum(step["loss"] * step["counted"] for step in own) / 60
        assert epoch["train_loss"] == pytest.approx(mean)
        assert epoch["steps"] == len(own) == 4
        assert epoch["clipped_steps"] == sum(step["clipped"] for step in own)


def test_the_log_for_people_has_a_line_an_epoch_and_a_sentence_on_clipping(straight):
    said = (straight / "log.txt").read_text().splitlines()
    steps = lines(straight, "step")
    clipped = [step["coefficient"] for step in steps if step["clipped"]]
    assert clipped
    epoch = lines(straight, "epoch")[1]
    line = next(line for line in said if "epoch 2/3" in line)
    assert f"loss {epoch['train_loss']:.4f}  dev loss {epoch['dev_loss']:.4f}  error rate" in line
    assert f"  clipped {epoch['clipped_steps']} of 4 steps  " in line
    sentence = f"clipped {len(clipped)} of 12 steps, median coefficient {median(clipped):.2f}"
    (named,) = lines(straight, "parameters")
    sums = [sum(shares) for shares in zip(*(step["shares"] for step in steps), strict=True)]
    holder, held = max(zip(named["names"], sums, strict=True), key=lambda pair: pair[1])
    sentence += f", {in_words(holder)} holds {100 * held / sum(sums):.0f} % of the squared norm"
    assert said[-1].endswith(f"stopped by max_epochs after 3 epochs; {sentence}")


def test_tensorboard_shows_the_same_numbers(straight):
    board = EventAccumulator(str(straight / "tensorboard"))
    board.Reload()
    epochs = lines(straight, "epoch")
    drawn = board.Scalars("epoch/dev_loss")
    assert [event.step for event in drawn] == [epoch["step"] for epoch in epochs]
    assert [event.value for event in drawn] == pytest.approx([e["dev_loss"] for e in epochs])
    steps = {step["step"]: step for step in lines(straight, "step")}
    for tag, name in (("gradient/norm_after", "norm_after"), ("training/learning_rate", "lr")):
        for event in board.Scalars(tag):
            assert event.value == pytest.approx(steps[event.step][name])
    shares = [board.Scalars(tag)[-1].value for tag in board.Tags()["scalars"] if tag.startswith("gradient_share/")]
    assert len(shares) == 2  # a recurrent layer and the head
    assert sum(shares) == pytest.approx(1, abs=1e-3)
    ratios = {event.step: event.value for event in board.Scalars("gradient/update_ratio")}
    assert ratios == pytest.approx({1: steps[1]["update_ratio"], 11: steps[11]["update_ratio"]})


def test_the_environment_is_written_down(straight):
    environment = json.loads((straight / "environment.json").read_text())
    assert environment["packages"]["torch"].startswith("2.")
    assert environment["device"] == "cpu"
    assert environment["threads"] == 1


class Scripted:
    """Validations by plan, in the order of epochs."""

    def __init__(self, metrics: list[float], *, higher: bool = True) -> None:
        self.metrics, self.higher = list(metrics), higher

    def __call__(self, model: torch.nn.Module) -> Validation:
        assert not model.training
        assert not torch.is_grad_enabled()
        return Validation(1.0, self.metrics.pop(0) if self.metrics else 0.0, "accuracy", higher_is_better=self.higher)


def scripted(
    folder: Path, fsdd: Path, cache: Path, metrics: list[float], *, higher: bool = True, **settings: Any
) -> Outcome:
    config = TrainingConfig(**{"max_epochs": len(metrics), "batch_size": 30, **settings})
    parts = ingredients(fsdd, cache, config, augment=False, model={"name": "softmax"})
    parts = replace(parts, validate=Scripted(metrics, higher=higher))
    return train(parts, config, folder, seed=1, device=CPU, metadata={})


def best_epoch(folder: Path) -> int:
    return int(read_metadata(folder / "checkpoints" / "best")["epoch"])


def test_the_best_epoch_is_the_best_by_the_metric(fsdd, cache, tmp_path):
    outcome = scripted(tmp_path / "a", fsdd, cache, [0.2, 0.9, 0.3])
    assert (outcome.best_epoch, best_epoch(tmp_path / "a")) == (2, 2)
    assert outcome.best is not None
    assert outcome.best.metric == 0.9
    outcome = scripted(tmp_path / "b", fsdd, cache, [0.9, 0.2, 0.3], higher=False)
    assert (outcome.best_epoch, best_epoch(tmp_path / "b")) == (2, 2)


def test_patience_counts_epochs_without_a_better_metric(fsdd, cache, tmp_path):
    outcome = scripted(tmp_path, fsdd, cache, [0.5, 0.4, 0.6, 0.5, 0.6, 0.9], patience=2)
    assert outcome.stopped_by == "patience"
    assert (outcome.epochs, outcome.best_epoch) == (5, 3)


def test_a_metric_that_is_no_number_is_never_the_best(fsdd, cache, tmp_path):
    nan = float("nan")
    outcome = scripted(tmp_path / "a", fsdd, cache, [nan, 0.1, nan])
    assert outcome.best_epoch == 2
    outcome = scripted(tmp_path / "b", fsdd, cache, [nan, nan])
    assert (outcome.best, outcome.best_epoch) == (None, None)
    assert not (tmp_path / "b" / "checkpoints" / "best").exists()
    assert [line["dev_metric"] for line in lines(tmp_path / "b", "epoch")] == [None, None]


@pytest.mark.parametrize(("of", "epochs"), [("best", [2, 4]), ("last", [4, 5])])
def test_the_average_is_of_the_best_or_of_the_last_epochs(fsdd, cache, tmp_path, of, epochs):
    scripted(tmp_path, fsdd, cache, [0.1, 0.8, 0.2, 0.9, 0.3], average=2, average_of=of)
    checkpoints = tmp_path / "checkpoints"
    average = load_tensors(checkpoints / "average")[0]
    members = [load_tensors(checkpoints / f"epoch-{epoch:05d}")[0] for epoch in epochs]
    for name, tensor in average.items():
        mean = torch.stack([member[name].double() for member in members]).mean(0).float()
        assert torch.equal(tensor, mean)
    assert f"average of epochs {epochs[0]}, {epochs[1]}" in (tmp_path / "log.txt").read_text()
    assert best_epoch(tmp_path) == 4


def test_max_steps_ends_in_the_middle_of_an_epoch_and_is_validated(fsdd, cache, tmp_path):
    outcome = run(tmp_path, cache, fsdd, max_steps=6)
    assert (outcome.stopped_by, outcome.steps, outcome.epochs) == ("max_steps", 6, 2)
    assert len(lines(tmp_path, "step")) == 6
    assert len(lines(tmp_path, "epoch")) == 2


def test_the_schedule_hears_of_every_development_loss(fsdd, cache, tmp_path):
    heard: list[float] = []

    class Listening(Schedule):
        def factor(self, step: int) -> float:
            return 1.0

        def observe(self, loss: float) -> None:
            heard.append(loss)

        def state_dict(self) -> dict[str, float]:
            return {}

        def load_state_dict(self, state: Any) -> None: ...

    config = TrainingConfig(**CONFIG)
    parts = replace(ingredients(fsdd, cache, config), schedule=Listening())
    train(parts, config, tmp_path, seed=1, device=CPU, metadata={})
    assert heard == [line["dev_loss"] for line in lines(tmp_path, "epoch")]


def test_equal_seeds_make_equal_runs_and_others_do_not(straight, cache, fsdd, tmp_path):
    torch.rand(7)  # what was drawn before makes no difference
    run(tmp_path / "same", cache, fsdd)
    run(tmp_path / "other", cache, fsdd, seed=8)
    last = "checkpoints/last/model.safetensors"
    assert (tmp_path / "same" / last).read_bytes() == (straight / last).read_bytes()
    assert (tmp_path / "other" / last).read_bytes() != (straight / last).read_bytes()


def test_how_often_is_logged_and_saved_makes_no_difference(straight, cache, fsdd, tmp_path):
    run(tmp_path, cache, fsdd, log_interval=1000, checkpoint_interval=None)
    for name in ("metrics.jsonl", "metrics.csv", "checkpoints/best/model.safetensors"):
        assert (tmp_path / name).read_bytes() == (straight / name).read_bytes()


def test_equal_metrics_are_told_apart_by_the_loss():
    config, progress = TrainingConfig(average=2), Progress()
    for epoch, loss in enumerate([0.5, 0.3, 0.4], start=1):
        progress.epoch = epoch
        judge_epoch(progress, Validation(loss, 1.0, "accuracy", higher_is_better=True), config)
    assert progress.best is not None
    assert progress.best.epoch == 2
    assert [kept.epoch for kept in progress.kept] == [2, 3]


def record(step: int, epoch: int = 1, **changes: Any) -> StepRecord:
    values: dict[str, Any] = {
        "loss": 1.0, "utterances": 4, "counted": 4, "infeasible": 0, "dropped": 0, "norm_before": 2.0,
        "norm_after": 1.0, "coefficient": 0.5, "threshold": 1.0, "clipped": True, "clipped_share": 1.0, "cosine": 1.0,
        "largest": 0.3, "largest_at": "a", "update_ratio": None, "update_clipped": False, "lr": 0.1,
        "loss_scale": 1.0, "stepped": True, "reason": "",
    }  # fmt: skip
    return StepRecord(step=step, epoch=epoch, **{**values, **changes})


def test_the_summary_in_words():
    summary = Summary()
    assert summary.sentence() == "never clipped in 0 steps, largest norm 0"
    for step in range(1, 2001):
        coefficient = 0.25 if step % 4 else 0.75
        summary.add(record(step, clipped=step % 2 == 0, coefficient=coefficient))
    assert summary.sentence() == "clipped 50.0 % of 2,000 steps, median coefficient 0.50"
    summary.add(record(2001, 2, stepped=False, reason="loss", loss=None, clipped=False))
    assert summary.sentence().endswith("; 1 step was skipped")
    assert (summary.epoch_steps, summary.epoch_skipped, summary.clipped_share) == (1, 1, 0.0)
    assert summary.epoch_loss != summary.epoch_loss


def test_a_run_that_was_never_clipped_is_summed_up_too():
    summary = Summary()
    for step, norm in enumerate([2.0, 4.2, 1.0], start=1):
        shares = {"layers.1.forwards.weight_hh_l0": 0.75, "head.linear.weight": 0.25}
        summary.add(record(step, clipped=False, coefficient=1.0, norm_before=norm, shares=shares))
    assert summary.sentence() == (
        "never clipped in 3 steps, largest norm 4.2, layer 1 forwards hidden-to-hidden holds 75 % of the squared norm"
    )
    summary.add(record(4, clipped=False, update_clipped=True))
    assert summary.sentence().endswith("; limited 1 of the 4 updates")


@pytest.mark.parametrize(("steps", "told"), [(1, "1 of 1 step"), (19, "19 of 19 steps"), (20, "100.0 % of 20 steps")])
def test_shares_are_told_of_enough_steps_alone(steps, told):
    summary = Summary()
    for step in range(1, steps + 1):
        summary.add(record(step, clipped=True, coefficient=0.5, update_clipped=True))
    assert summary.sentence().startswith(f"clipped {told}, ")
    assert summary.sentence().endswith(
        f"limited {told.split(' of')[0]} of the {f'{steps} ' if steps < 20 else ''}updates"
    )
    assert summary.epoch_clipping() == f"clipped {told}".removesuffix(" of 20 steps")


@pytest.mark.parametrize(("by", "best", "kept"), [("metric", 2, [2, 4]), ("loss", 4, [4, 3])])
def test_the_best_epoch_is_chosen_by_what_the_configuration_says(by, best, kept):
    config, progress = TrainingConfig(average=2, best_by=by), Progress()
    for epoch, (loss, accuracy) in enumerate([(1.0, 0.5), (0.9, 0.9), (0.8, 0.7), (0.7, 0.8)], start=1):
        progress.epoch = epoch
        judge_epoch(progress, Validation(loss, accuracy, "accuracy", higher_is_better=True), config)
    assert progress.best is not None
    assert progress.best.epoch == best
    assert [one.epoch for one in progress.kept] == kept


@pytest.mark.parametrize(("by", "loss", "accuracy"), [("metric", 0.1, math.nan), ("loss", math.nan, 1.0)])
def test_an_epoch_that_is_not_a_number_is_never_the_best(by, loss, accuracy):
    assert not Validation(loss, accuracy, "accuracy", higher_is_better=True).better_than(None, by)
