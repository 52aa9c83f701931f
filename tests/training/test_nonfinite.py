"""What a run does about losses and gradients that are not finite."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, final

import pytest
import torch
from changed_heads import constant
from spoiling import Spoilt
from training_recipe import CPU, ingredients

from asrtrain.errors import Interrupted, TrainingError
from asrtrain.files.sealed import unseal_line
from asrtrain.training import Batches, Ingredients, NonFiniteConfig, Outcome, TrainingConfig, train
from asrtrain.training.nonfinite import FaultCounts, FaultLog, FaultRecord, NonFinitePolicy
from asrtrain.training.report import Fault
from asrtrain.training.state import TrainState
from asrtrain.training.step import Updater
from asrtrain.training.world import World
from asrtrain.types import Batch

CNN = {"name": "cnn", "channels": [4, 4], "dropout": 0.0}
"""No dropout, so that nothing depends on how often it was drawn."""


def run(
    fsdd: Path, cache: Path, folder: Path, spoilt: set[int], *, stop: int = -1, model: Any = None, **settings: Any
) -> tuple[Ingredients, Outcome]:
    config = TrainingConfig(**{"max_epochs": 2, "batch_size": 8, **settings})
    parts = ingredients(fsdd, cache, config, model=model, augment=False)
    parts = replace(parts, batches=Stopping(Spoilt(parts.batches, spoilt), stop))
    return parts, train(parts, config, folder, seed=7, device=CPU, metadata={})


def rows(folder: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if line["kind"] == "step"]


def test_abort_names_step_utterance_and_way_out_and_the_log_has_the_step(fsdd, cache, tmp_path):
    config = TrainingConfig(batch_size=8)
    guilty = list(ingredients(fsdd, cache, config, augment=False).batches.epoch(0))[3].ids[0]
    with pytest.raises(TrainingError) as caught:
        run(fsdd, cache, tmp_path, {3})
    assert caught.value.exit_code == 4
    message = str(caught.value)
    assert message.startswith(f"step 4 (epoch 1): the loss is not finite; utterances {guilty}. ")
    assert "training.on_nonfinite.loss: skip" in message
    last = rows(tmp_path)[-1]
    assert (last["step"], last["loss"], last["stepped"], last["reason"]) == (4, None, False, "loss")


def test_skipped_steps_are_counted_and_told(fsdd, cache, tmp_path):
    parts, outcome = run(fsdd, cache, tmp_path, {1, 9, 10}, on_nonfinite={"loss": "skip", "per_epoch": 0.5})
    assert outcome.steps == 16 - 3
    assert outcome.clipping.endswith("3 steps were skipped")
    assert [row["step"] for row in rows(tmp_path) if not row["stepped"]] == [2, 10, 11]
    assert "skipped 1" in (tmp_path / "log.txt").read_text()
    assert all(torch.isfinite(parameter).all() for parameter in parts.model.parameters())


@pytest.mark.parametrize(
    ("spoilt", "policy", "message"),
    [
        (set(range(16)), {"loss": "skip", "consecutive": 3, "per_epoch": 1.0}, "step 3 .*3 steps in a row"),
        ({0, 2, 4, 6}, {"loss": "skip", "per_epoch": 0.25}, "step 5 .*3 steps of this epoch"),
    ],
)
def test_a_spent_budget_ends_the_run(fsdd, cache, tmp_path, spoilt, policy, message):
    with pytest.raises(TrainingError, match=message):
        run(fsdd, cache, tmp_path, spoilt, on_nonfinite=policy)


def test_budgets_survive_a_restart(fsdd, cache, tmp_path):
    settings = {"on_nonfinite": {"loss": "skip", "per_epoch": 1.0, "consecutive": 3}, "checkpoint_interval": 1}
    with pytest.raises(TrainingError, match="3 steps in a row"):
        run(fsdd, cache, tmp_path, {4, 5, 6}, **settings)
    # The step that ended the run is not saved; those before it are, and count.
    with pytest.raises(TrainingError, match=r"step 7 .*3 steps in a row"):
        run(fsdd, cache, tmp_path, {4, 5, 6}, **settings)


def test_a_sound_step_ends_a_row(fsdd, cache, tmp_path):
    policy = {"loss": "skip", "consecutive": 3, "per_epoch": 1.0}
    run(fsdd, cache, tmp_path, {0, 1, 3, 4, 6, 7, 9}, on_nonfinite=policy)
    with pytest.raises(TrainingError, match="3 steps in a row"):
        run(fsdd, cache, tmp_path / "again", {0, 1, 3, 4, 5}, on_nonfinite=policy)


def test_many_suspects_are_named_in_part(tmp_path):
    policy = NonFinitePolicy(NonFiniteConfig(), 100, FaultLog(tmp_path, 0))
    names = tuple(f"u{i}" for i in range(12))
    with pytest.raises(TrainingError, match=r"utterances u0, u1, u2, u3, u4, u5, u6, u7 and 4 more\."):
        policy.answer(Fault("gradient", (), names, (1.0,) * 12), (), FaultCounts(), 3, 1)


def test_a_faulty_step_taken_without_waiting_ends_the_run_when_its_numbers_are_read(fsdd, cache, tmp_path, monkeypatch):
    """As on a GPU: the numbers come late, but before anything is saved."""
    decided = Updater.__init__

    def undecided(self: Updater, *args: Any, decides: bool, world: World) -> None:
        decided(self, *args, decides=False)

    monkeypatch.setattr(Updater, "__init__", undecided)
    with pytest.raises(TrainingError, match=r"step 4 \(epoch 1\): the loss is not finite"):
        run(fsdd, cache, tmp_path, {3}, checkpoint_interval=6)
    assert not (tmp_path / "checkpoints").exists()
    assert [row["step"] for row in rows(tmp_path)] == [1, 2, 3, 4, 5, 6]


def test_an_infinite_gradient_of_a_finite_loss_is_told_apart(fsdd, cache, tmp_path):
    config = TrainingConfig(batch_size=8)
    parts = constant(ingredients(fsdd, cache, config), lambda _: 1.0, explodes=True)
    with pytest.raises(TrainingError, match=r"the gradient is not finite.*training\.on_nonfinite\.gradient: skip"):
        train(parts, config, tmp_path, seed=7, device=CPU, metadata={})


def faults(folder: Path) -> list[dict[str, Any]]:
    return [unseal_line(line) for line in (folder / "nonfinite.jsonl").read_text().splitlines()]


def guilty_of(fsdd: Path, cache: Path, number: int) -> str:
    """The first utterance of a batch of the run."""
    batches = ingredients(fsdd, cache, TrainingConfig(batch_size=8), augment=False).batches
    per_epoch = batches.batches_per_epoch
    return next(batches.epoch(number // per_epoch, number % per_epoch)).ids[0]


def test_every_fault_is_told_of_in_a_file_and_in_the_log(fsdd, cache, tmp_path):
    _, outcome = run(fsdd, cache, tmp_path, {1, 9}, on_nonfinite={"loss": "drop_utterance"})
    assert outcome.steps == 16
    names = [guilty_of(fsdd, cache, number) for number in (1, 9)]
    rest = {"reason": "loss", "reaction": "drop_utterance", "losses": ["nan"]}
    assert faults(tmp_path) == [
        {"step": 2, "epoch": 1, "utterances": [names[0]], **rest},
        {"step": 10, "epoch": 2, "utterances": [names[1]], **rest},
    ]
    log = (tmp_path / "log.txt").read_text()
    assert f"step 10 (epoch 2): the loss is not finite; utterances {names[1]}; the step is taken without them" in log
    taken = rows(tmp_path)[1]
    assert (taken["step"], taken["stepped"], taken["counted"]) == (2, True, 7)
    progress = json.loads((tmp_path / "checkpoints" / "last" / "state.json").read_text())["progress"]
    assert progress["faults"] == {"in_a_row": 0, "in_epoch": 0, "in_all": 2, "dropped": 2, "rollbacks": 0}


def test_a_spent_budget_names_the_utterances_of_every_step_that_spent_it(fsdd, cache, tmp_path):
    """Also of those before a restart."""
    settings = {"on_nonfinite": {"loss": "skip", "per_epoch": 1.0, "consecutive": 3}, "checkpoint_interval": 1}
    for _ in range(2):
        with pytest.raises(TrainingError) as caught:
            run(fsdd, cache, tmp_path, {4, 5, 6}, **settings)
        assert caught.value.exit_code == 4
        steps = "; ".join(f"step {number + 1} ({guilty_of(fsdd, cache, number)})" for number in (4, 5, 6))
        assert f"training.on_nonfinite.consecutive lets pass: {steps}. " in str(caught.value)
        assert [fault["step"] for fault in faults(tmp_path)] == [5, 6, 7]


def test_half_a_line_that_a_kill_has_left_is_no_fault(tmp_path):
    log = FaultLog(tmp_path, 0)
    records = [FaultRecord(step, 1, "loss", "skip", ("a",), (1.5, "nan")) for step in (3, 5)]
    for record in records:
        log.add(record)
    with (tmp_path / "nonfinite.jsonl").open("a") as file:
        file.write('{"step": 7, "ep')
    assert FaultLog(tmp_path, 7).records == records
    assert FaultLog(tmp_path, 4).records == records[:1]
    assert FaultLog(tmp_path, 9).records == records[:1]


def test_rollback_returns_to_what_was_set_aside_while_the_data_go_on(fsdd, cache, tmp_path):
    """As if the steps since then had never been, whatever they had changed."""
    settings: dict[str, Any] = {"ema": 0.9, "max_epochs": 1}
    policy = {"loss": "rollback", "per_epoch": 1.0, "rollback_interval": 4}
    parts, outcome = run(fsdd, cache, tmp_path, {5}, model=CNN, **settings, on_nonfinite=policy)
    assert outcome.steps == 6  # of eight batches the fifth is undone, and the sixth never counts
    config = TrainingConfig(batch_size=8, **settings)
    expected = ingredients(fsdd, cache, config, model=CNN, augment=False)
    update = Updater(expected, config, CPU, decides=True)
    expected.model.train()
    for number, batch in enumerate(expected.batches.epoch(0)):
        if number not in (4, 5):
            update([batch])
    for name, tensor in expected.model.state_dict().items():
        assert torch.equal(tensor, parts.model.state_dict()[name]), name
    for before, after in zip(expected.model.parameters(), parts.model.parameters(), strict=True):
        for key, value in expected.optimizer.state[before].items():
            assert torch.equal(value, parts.optimizer.state[after][key]), key
    ring = expected.clipper.state_dict()["state"]
    for key, value in parts.clipper.state_dict()["state"].items():
        assert torch.equal(value.nan_to_num(), ring[key].nan_to_num()), key


def test_weights_that_are_not_finite_are_never_set_aside(fsdd, cache):
    config = TrainingConfig(batch_size=8)
    parts = ingredients(fsdd, cache, config, augment=False)
    state = TrainState(parts, Updater(parts, config, CPU, decides=True), CPU, rolls_back=True)
    state.set_aside()
    sound = {name: tensor.clone() for name, tensor in parts.model.state_dict().items()}
    with torch.no_grad():
        next(parts.model.parameters())[0] = torch.inf
    state.set_aside()
    state.go_back()
    assert all(torch.equal(tensor, sound[name]) for name, tensor in parts.model.state_dict().items())


@final
class Stopping(Batches):
    """Asks to stop, as Ctrl-C does, when a batch is fetched."""

    def __init__(self, batches: Batches, number: int) -> None:
        self.batches, self.number = batches, number

    @property
    def batches_per_epoch(self) -> int:
        return self.batches.batches_per_epoch

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        for number, batch in enumerate(self.batches.epoch(epoch, start), epoch * self.batches_per_epoch + start):
            if number == self.number:
                os.kill(os.getpid(), signal.SIGINT)
            yield batch


@pytest.mark.parametrize("stop", [2, 5, 6, 11])
def test_what_was_set_aside_survives_a_stop_at_any_step(fsdd, cache, tmp_path, stop):
    """A run that is stopped between two settings-aside goes back as far as one that is not."""
    settings: dict[str, Any] = {"on_nonfinite": {"loss": "rollback", "per_epoch": 1.0, "rollback_interval": 4}}
    straight, _ = run(fsdd, cache, tmp_path / "straight", {6, 13}, **settings)
    with pytest.raises(Interrupted):
        run(fsdd, cache, tmp_path / "stopped", {6, 13}, stop=stop, **settings)
    resumed, _ = run(fsdd, cache, tmp_path / "stopped", {6, 13}, **settings)
    for name, tensor in straight.model.state_dict().items():
        assert torch.equal(tensor, resumed.model.state_dict()[name]), name
    assert faults(tmp_path / "straight") == faults(tmp_path / "stopped")
