"""Trials, intervals and sentences, on logs whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from asrtrain.comparison import Comparison, Trial, variants_of
from asrtrain.comparison.trial import divergence, spikes, steps_to
from asrtrain.evaluation.paired import paired_interval


def rows(norms: list[float | None], losses: list[float | None]) -> list[dict]:
    return [{"norm_before": norm, "loss": loss} for norm, loss in zip(norms, losses, strict=True)]


def trial(variant: str, seed: int, errors: list[int]) -> Trial:
    return Trial(variant, seed, errors, [1] * len(errors), "", None, 10, None, 0.0, 0, 0, 1.0)


def test_spikes_are_counted_once_and_survived_if_the_loss_comes_back() -> None:
    norms: list[float | None] = [1.0] * 300
    norms[100] = norms[105] = 50.0
    norms[200] = None
    losses: list[float | None] = [1.0] * 200 + [9.0] * 100
    assert spikes(rows(norms, losses)) == (2, 1)


def test_a_large_norm_at_the_beginning_is_no_spike() -> None:
    assert spikes(rows([100.0] + [1.0] * 50, [1.0] * 51)) == (0, 0)


def test_a_run_whose_loss_rose_is_lost() -> None:
    assert divergence(rows([1.0] * 20, [2.3] * 18 + [40.0] * 2)).startswith("the loss rose from 2.3 to 40")
    assert divergence(rows([1.0] * 20, [2.3] + [0.1] * 19)) == ""
    assert divergence(rows([1.0], [None])) == "no step has a finite loss"


def test_the_target_is_above_for_accuracy_and_below_for_errors() -> None:
    epochs = [{"step": n, "dev_metric": m, "metric": "accuracy"} for n, m in ((5, 0.1), (10, 0.6), (15, 0.9))]
    assert steps_to(0.5, epochs) == 10
    assert steps_to(0.95, epochs) is None
    assert steps_to(0.5, [row | {"metric": "wer"} for row in epochs]) == 5


def test_the_paired_interval_finds_what_an_unpaired_one_could_not() -> None:
    generator = np.random.default_rng(0)
    hard = generator.random((5, 400)) < np.linspace(0, 0.9, 400)  # the same utterances are hard for both
    better = hard & (generator.random(hard.shape) < 0.9)
    low, high = paired_interval(better.astype(float), hard.astype(float), np.ones(400))
    assert low < -0.045 < high < 0
    low, high = paired_interval(hard.astype(float), hard.astype(float), np.ones(400))
    assert low < 0 < high
    assert low > -0.02
    assert high < 0.02


def test_about_one_in_twenty_intervals_misses_the_truth() -> None:
    generator = np.random.default_rng(1)
    missed = 0
    for _ in range(60):
        ours, theirs = (
            (generator.random((20, 100)) < 0.3).astype(float),
            (generator.random((20, 100)) < 0.3).astype(float),
        )
        low, high = paired_interval(ours, theirs, np.ones(100))
        missed += not low <= 0 <= high
    assert missed <= 7


def test_real_differences_are_said_to_be_real_and_others_are_not() -> None:
    utterances = 200
    base = [trial("none", seed, [1] * 40 + [0] * (utterances - 40)) for seed in range(5)]
    better = [trial("norm", seed, [1] * 10 + [0] * (utterances - 10)) for seed in range(5)]
    alike = [trial("value", seed, [0] + [1] * 39 + [0] * (utterances - 41) + [1]) for seed in range(5)]
    text = Comparison({"none": base, "norm": better, "value": alike}, "accuracy").to_text()
    assert "norm: 15.00 points higher than none; this is real" in text
    assert "value: no real difference from none" in text


def test_every_combination_is_a_variant() -> None:
    found = variants_of(["none", "norm:0.1"], ["optimizer.name=sgd,adam", "model.dropout=0,0.5"])
    assert len(found) == 8
    assert found[0].overrides == ('clipping={"name": "none"}', 'optimizer.name="sgd"', "model.dropout=0")
    assert found[-1].label == "norm:0.1, optimizer.name=adam, model.dropout=0.5"
    assert found[-1].folder == "norm_0.1_optimizer.name=adam_model.dropout=0.5"


@pytest.mark.parametrize(
    ("rule", "written"),
    [
        ("agc:0.02", '{"name": "agc", "clip_factor": 0.02}'),
        ("value:0.5", '{"name": "value", "threshold": 0.5}'),
        ("{name: norm, threshold: 1, scope: layer}", '{"name": "norm", "threshold": 1, "scope": "layer"}'),
        ("[centralize, {name: norm, threshold: 1}]", '["centralize", {"name": "norm", "threshold": 1}]'),
    ],
)
def test_rules_may_be_written_in_short(rule: str, written: str) -> None:
    assert variants_of([rule, "none"], [])[0].overrides == (f"clipping={written}",)
