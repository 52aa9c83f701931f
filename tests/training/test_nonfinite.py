"""What a run does about losses and gradients that are not finite."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from spoiling import Spoilt
from training_recipe import CPU, ingredients

from asrtrain.errors import TrainingError
from asrtrain.objectives import Losses, Objective
from asrtrain.training import Ingredients, NonFiniteConfig, Outcome, TrainingConfig, train
from asrtrain.training.nonfinite import FaultCounts, FaultLog, NonFinitePolicy
from asrtrain.training.step import Fault, Updater
from asrtrain.training.world import World
from asrtrain.types import Batch, Scores


def run(fsdd: Path, cache: Path, folder: Path, spoilt: set[int], **settings: Any) -> tuple[Ingredients, Outcome]:
    config = TrainingConfig(**{"max_epochs": 2, "batch_size": 8, **settings})
    parts = ingredients(fsdd, cache, config, augment=False)
    parts = replace(parts, batches=Spoilt(parts.batches, spoilt))
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


class Exploding(Objective):
    """Losses that are finite, with gradients that are not."""

    def __call__(self, scores: Scores, batch: Batch) -> Losses:
        zeros = (scores.logits.sum(1) - scores.logits.detach().sum(1)) * 1e30 * 1e30
        return Losses(1.0 + zeros, torch.ones_like(batch.targets, dtype=torch.bool))


def test_an_infinite_gradient_of_a_finite_loss_is_told_apart(fsdd, cache, tmp_path):
    config = TrainingConfig(batch_size=8)
    parts = replace(ingredients(fsdd, cache, config), objective=Exploding())
    with pytest.raises(TrainingError, match=r"the gradient is not finite.*training\.on_nonfinite\.gradient: skip"):
        train(parts, config, tmp_path, seed=7, device=CPU, metadata={})
