"""Which epoch is the best: by what tells epochs apart, and it is said by what."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from training_recipe import CPU, ingredients

from asrtrain.training import Outcome, TrainingConfig, Validation, read_metadata, train
from asrtrain.training.selection import judge_epoch
from asrtrain.training.state import Progress

NAN = math.nan


def wer(loss: float, rate: float) -> Validation:
    return Validation(loss, rate, "wer", higher_is_better=False)


def judged(*epochs: Validation, **settings: object) -> tuple[int | None, list[int], int]:
    """The best epoch, those to average, and how many came without a better one."""
    config, progress = TrainingConfig.model_validate(settings), Progress()
    for number, epoch in enumerate(epochs, start=1):
        progress.epoch = number
        judge_epoch(progress, epoch, config)
    best = progress.best.epoch if progress.best else None
    return best, [kept.epoch for kept in progress.kept], progress.stale_epochs


def test_while_hardly_a_word_is_right_the_loss_decides() -> None:
    """A WER of 97 % by chance, and 100 % of three better models."""
    epochs = [wer(82.0, 0.97), wer(75.0, 1.0), wer(70.0, 1.02), wer(65.0, 1.0), wer(66.0, 0.98)]
    assert judged(*epochs, average=2) == (4, [4, 5], 1)


def test_once_words_are_right_the_wer_decides_and_among_equals_the_loss() -> None:
    epochs = [wer(65.0, 1.0), wer(70.0, 0.85), wer(60.0, 0.95), wer(80.0, 0.5), wer(75.0, 0.5)]
    assert judged(*epochs, average=3) == (5, [5, 4, 2], 0)


def test_by_loss_is_by_loss() -> None:
    epochs = [wer(65.0, 1.0), wer(70.0, 0.1)]
    assert judged(*epochs, best_by="loss")[0] == 1


def test_the_order_of_epochs_is_one_order() -> None:
    """Whatever is compared with whatever: no three of which each is better than the next."""
    some = [wer(loss, rate) for loss in (50.0, 60.0, NAN, math.inf) for rate in (0.3, 0.85, 0.88, 0.9, 0.95, 1.0, 3.0)]
    for one, two, three in itertools.product(some, repeat=3):
        if one.better_than(two) and two.better_than(three):
            assert one.better_than(three)
        assert not (one.better_than(two) and two.better_than(one))


def test_a_loss_that_is_no_number_is_worse_than_any_other() -> None:
    assert judged(wer(NAN, 1.0), wer(70.0, 1.0), wer(NAN, 1.0))[0] == 2
    assert judged(wer(NAN, 1.0), wer(NAN, 0.5))[0] == 2
    assert judged(wer(1.0, NAN))[0] is None


@pytest.mark.parametrize(
    ("loss", "rate", "by", "decided"),
    [
        (1.0, 0.95, "metric", "loss"),
        (1.0, 0.9, "metric", "wer"),
        (1.0, 0.3, "metric", "wer"),
        (1.0, 0.3, "loss", "loss"),
    ],
)
def test_it_is_known_what_decides(loss: float, rate: float, by: str, decided: str) -> None:
    assert wer(loss, rate).decided_by(by) == decided  # type: ignore[arg-type]
    assert Validation(loss, 0.05, "accuracy", higher_is_better=True).decided_by("metric") == "accuracy"


def scripted(folder: Path, fsdd: Path, cache: Path, validations: list[Validation]) -> Outcome:
    config = TrainingConfig(max_epochs=len(validations), batch_size=30, average=2)
    parts = ingredients(fsdd, cache, config, augment=False, model={"name": "softmax"})
    plan = [*validations, validations[-1]]  # of the average

    def validate(model: torch.nn.Module) -> Validation:
        return plan.pop(0)

    return train(replace(parts, validate=validate), config, folder, seed=1, device=CPU, metadata={})


@pytest.mark.parametrize(("last", "chosen_by"), [(wer(65.0, 1.0), "loss"), (wer(90.0, 0.8), "wer")])
def test_log_checkpoint_and_outcome_say_by_what_the_best_was_chosen(
    fsdd: Path, cache: Path, tmp_path: Path, last: Validation, chosen_by: str
) -> None:
    outcome = scripted(tmp_path, fsdd, cache, [wer(82.0, 0.97), wer(75.0, 1.0), last])
    assert (outcome.best_epoch, outcome.chosen_by) == (3, chosen_by)
    metadata = read_metadata(tmp_path / "checkpoints" / "best")
    assert (metadata["epoch"], metadata["chosen_by"]) == (3, chosen_by)
    said = [line for line in (tmp_path / "log.txt").read_text().splitlines() if " epoch " in line]
    assert ["(best by" in line for line in said[:3]] == [True, True, True]
    assert f"(best by {chosen_by})" in said[2]
    assert "(best by loss)" in said[1]
    state = json.loads((tmp_path / "checkpoints" / "last" / "state.json").read_text())
    assert state["progress"]["best"]["epoch"] == 3
