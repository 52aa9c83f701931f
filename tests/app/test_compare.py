"""Paired comparisons on real speech."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from asrtrain.app import compare, evaluate
from asrtrain.errors import CheckpointError, UsageError

EXPLODING = ["optimizer={name: sgd, lr: 1.0e+8}", "training.max_epochs=2", "training.average=0"]
FAST = ["training.max_epochs=1", "training.average=0"]


def test_variants_are_trained_alike_and_a_lost_run_is_a_finding(trained: Path, tmp_path: Path) -> None:
    output = tmp_path / "compared"
    rules = ["none", "norm:1e-9"]
    found = compare(trained / "config.yaml", rules=rules, seeds=2, overrides=EXPLODING, output=output)
    none, clipped = found.trials["none"], found.trials["norm:1e-9"]
    assert all(trial.diverged for trial in none)
    assert not any(trial.diverged for trial in clipped)
    assert [trial.seed for trial in none] == [trial.seed for trial in clipped] == [3, 4]
    assert all(trial.clipped_share == 1.0 for trial in clipped)
    report = evaluate(output / "norm_1e-9" / "seed-3")
    assert 1 - clipped[0].rate == pytest.approx(report.accuracy)
    assert json.loads((output / "comparison.json").read_text())["baseline"] == "none"
    assert (output / "comparison.png").stat().st_size > 5000
    assert "2/2" in found.to_text()


def test_a_comparison_goes_on_where_it_was(trained: Path, tmp_path: Path) -> None:
    options = {"varied": ["optimizer.lr=0.01,0.001"], "seeds": 1, "overrides": FAST, "output": tmp_path / "compared"}
    first = compare(trained / "config.yaml", target=0.2, gap=True, **options)
    weights = tmp_path / "compared" / "optimizer.lr=0.01" / "seed-3" / "metrics.jsonl"
    before = weights.stat().st_mtime_ns
    again = compare(trained / "config.yaml", target=0.2, gap=True, **options)
    assert again.to_json() == first.to_json()
    assert weights.stat().st_mtime_ns == before
    trial = first.trials["optimizer.lr=0.01"][0]
    assert trial.gap is not None
    assert trial.steps_to_target == trial.steps


def test_an_old_run_answers_only_for_its_own_configuration(trained: Path, tmp_path: Path) -> None:
    options = {"varied": ["optimizer.lr=0.01,0.001"], "seeds": 1, "output": tmp_path / "compared"}
    first = compare(trained / "config.yaml", overrides=FAST, **options)
    assert all(trial.gap is None and trial.steps_to_target is None for (trial,) in first.trials.values())
    again = compare(trained / "config.yaml", overrides=FAST, target=0, gap=True, **options)
    assert all(trial.gap is not None and trial.steps_to_target for (trial,) in again.trials.values())
    with pytest.raises(UsageError, match=r"another configuration \(training\.batch_size\)"):
        compare(trained / "config.yaml", overrides=[*FAST, "training.batch_size=7"], **options)
    (tmp_path / "compared" / "optimizer.lr=0.01" / "seed-3" / "trial.json").write_text("{}", encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"trial\.json is damaged"):
        compare(trained / "config.yaml", overrides=FAST, **options)


@pytest.mark.slow
def test_side_by_side_is_the_same_as_one_after_the_other(trained: Path, tmp_path: Path) -> None:
    options = {"rules": ["none", "norm:1"], "seeds": 1, "overrides": FAST}
    one = compare(trained / "config.yaml", output=tmp_path / "one", **options)
    two = compare(trained / "config.yaml", output=tmp_path / "two", jobs=2, **options)
    assert [t[0].errors for t in one.trials.values()] == [t[0].errors for t in two.trials.values()]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "nothing to compare"),
        ({"rules": ["none"]}, "only one variant, none"),
        ({"rules": ["none", "none"]}, "the variant none is given twice"),
        ({"rules": ["none", "norm:-1"]}, "--clip norm:-1: threshold: wants a number > 0"),
        ({"rules": ["none", "none:1"]}, "none has no setting"),
        ({"rules": ["none", "nrom"]}, "--clip nrom: unknown name .* did you mean norm"),
        ({"varied": ["seed=1,2"]}, "same seeds; say how many with --seeds"),
        ({"rules": ["none", "norm:1"], "target": 95}, "--target 95: .* 0 to 1"),
        ({"varied": ["optimizer.lr"]}, "write key=a,b,c"),
        ({"varied": ["optimizer.rate=1,2"]}, "optimizer.rate"),
        ({"rules": ["none", "norm:1"], "seeds": 0}, "give 1 to 10,000"),
    ],
)
def test_a_mistake_is_told_before_anything_is_trained(
    trained: Path, tmp_path: Path, options: dict, sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        compare(trained / "config.yaml", output=tmp_path / "none", **options)
    assert not (tmp_path / "none").exists()
