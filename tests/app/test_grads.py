"""Reading a run's gradients, and sending them through other rules."""

from __future__ import annotations

import resource
import shutil
from pathlib import Path

import numpy as np
import pytest

from asrtrain.app import fit, grads
from asrtrain.errors import CheckpointError, TrainingError, UsageError
from asrtrain.files.sealed import unseal_line

RULES = [
    "{name: norm, threshold: 0.5}",
    "{name: norm, threshold: 0.3, scope: tensor}",
    "{name: random, threshold: {low: 0.1, high: 1.0}}",
    "{name: dynamic, threshold: {quantile: 0.5, window: 8, warmup: 3}, scope: layer}",
    "{name: zclip, threshold: {z: 0.5, warmup: 4}}",
    "{name: skip_spike, threshold: {name: dynamic, quantile: 0.9, warmup: 5}}",
    "[{name: norm, threshold: 0.4, scope: tensor}, {name: autoclip}]",
]


def logged(run: Path) -> list[dict]:
    rows = [unseal_line(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if row["kind"] == "step"]


@pytest.mark.parametrize("rule", RULES)
def test_the_run_s_own_rule_gives_the_run_s_own_log(rule: str, trained: Path, tmp_path: Path) -> None:
    run = fit(trained / "config.yaml", overrides=[f"clipping={rule}", "training.max_epochs=2"], output=tmp_path / "run")
    own = grads(run, what_if=["own"]).what_if["own"]
    rows = logged(run)
    taken = [place for place, row in enumerate(rows) if row["stepped"]]
    for place in taken:
        row = rows[place]
        threshold = float(f"{own.thresholds[place]:.6g}")
        assert row["threshold"] == (threshold if np.isfinite(threshold) else None)
        assert row["coefficient"] == float(f"{own.coefficients[place]:.6g}")
        assert row["clipped"] == bool(own.clipped[place])
    assert len(taken) < len(rows) or "skip" not in rule
    assert all(own.coefficients[place] == 0.0 for place in range(len(rows)) if place not in taken)


def test_the_report_says_how_large_where_and_how_often(trained: Path, tmp_path: Path) -> None:
    report = grads(trained, what_if=["norm:1e-6", "none"], plot=tmp_path / "what_if.png")
    text = report.to_text()
    assert text.startswith(("clipped ", "never clipped"))
    assert "share of the squared norm" in text
    assert "norm:1e-6  clips 100.0 % of the steps" in text
    assert "none       clips   0.0 % of the steps" in text
    assert sum(report.to_json()["shares"].values()) == pytest.approx(1)
    assert (tmp_path / "what_if.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("agc:0.01", "looks at more than the norms"),
        ("norm:-1", "--what-if norm:-1: threshold: wants a number > 0"),
        ("nrom", "unknown name .* did you mean norm"),
    ],
)
def test_what_cannot_be_told_is_refused(rule: str, sentence: str, trained: Path) -> None:
    with pytest.raises(UsageError, match=sentence):
        grads(trained, what_if=[rule])


def test_a_picture_of_another_kind_is_refused(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"let its name end in \.png"):
        grads(trained, plot=tmp_path / "norms.pdf")


def test_a_picture_that_cannot_be_written_is_one_sentence_and_no_half_a_picture(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"^/proc/nowhere/norms\.png cannot be written: "):
        grads(trained, plot="/proc/nowhere/norms.png")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8000, limits[1]))
    try:
        with pytest.raises(TrainingError, match=r"norms\.png \([0-9,]+ bytes\) cannot be written: File too large"):
            grads(trained, plot=tmp_path / "norms.png")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("line", ["5", "null", '"step"', "[1]"])
def test_a_log_of_other_values_is_damaged(line: str, trained: Path, tmp_path: Path) -> None:
    shutil.copy(trained / "config.yaml", tmp_path)
    (tmp_path / "metrics.jsonl").write_text(line + "\n", encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"metrics\.jsonl is damaged, or of another version"):
        grads(tmp_path)


def test_a_run_without_a_step_is_refused(trained: Path, tmp_path: Path) -> None:
    shutil.copy(trained / "config.yaml", tmp_path)
    with pytest.raises(CheckpointError, match="not a single step"):
        grads(tmp_path)
