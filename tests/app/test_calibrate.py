"""What calibrate foretells, and what training then shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from asrtrain.app import calibrate, fit
from asrtrain.errors import UsageError
from asrtrain.files.sealed import unseal_line

SETTINGS = """\
data:
  train: {{name: fsdd, folder: {fsdd}, split: train}}
  test: {{name: fsdd, folder: {fsdd}, split: test}}
features: {{name: mfcc, sample_rate: 8000}}
optimizer: {{name: adamw, lr: 2.0e-3}}
schedule: {{name: one_cycle}}
clipping: none
training: {{max_epochs: 6, max_steps: 40, batch_size: 64}}
model: {model}
"""
ENCODERS = {
    "rnn": "{name: rnn, hidden_size: 64, num_layers: 1}",
    "lstm": "{name: lstm, hidden_size: 48}",
    "cnn": "{name: cnn, channels: [8, 16]}",
}


def clipped_in_first_epoch(run: Path) -> float:
    rows = [unseal_line(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    steps = [row for row in rows if row["kind"] == "step" and row["epoch"] == 1]
    return sum(row["clipped"] for row in steps) / len(steps)


def foretold_and_shown(config: Path, seed: int, output: Path) -> list[tuple[float, float]]:
    """The share of clipped steps of every fixed threshold that is proposed: foretold, and in the first epoch."""
    pairs = []
    for threshold, share in calibrate(config, seed=seed).thresholds.items():
        rule = f"clipping={{name: norm, threshold: {threshold}}}"
        run = fit(config, seed=seed, overrides=[rule], output=output / f"{seed}-{threshold}")
        pairs.append((share, clipped_in_first_epoch(run)))
    return pairs


def test_proposals_foretell_what_is_clipped(trained: Path, tmp_path: Path) -> None:
    report = calibrate(trained / "config.yaml", plot=tmp_path / "norms.png", overrides=["clipping=none"])
    text = report.to_text()
    assert len(report.proposals) == 10
    assert "clipping: {name: norm, threshold: " in text
    assert "utterances of the last batch" in text
    rough = text.splitlines()[-1].endswith("steps only: the shares and thresholds are rough; take --steps 20 or more")
    assert rough == (report.to_json()["steps"] < 20)
    assert sum(report.to_json()["shares"].values()) == pytest.approx(1)
    assert (tmp_path / "norms.png").stat().st_size > 10_000
    assert [path.name for path in tmp_path.iterdir()] == ["norms.png"]


def test_a_trial_of_few_steps_says_that_it_is_rough(trained: Path) -> None:
    text = calibrate(trained / "config.yaml", steps=3, overrides=["clipping=none"]).to_text()
    assert text.splitlines()[-1].startswith("of 3 steps only: the shares and thresholds are rough")


def test_a_trial_of_one_step_says_nothing(trained: Path) -> None:
    with pytest.raises(UsageError, match="give 2 or more"):
        calibrate(trained / "config.yaml", steps=1)


@pytest.mark.slow
@pytest.mark.parametrize("model", ENCODERS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_share_is_within_five_points(model: str, seed: int, fsdd: Path, tmp_path: Path) -> None:
    config = tmp_path / "run.yaml"
    config.write_text(SETTINGS.format(fsdd=fsdd, model=ENCODERS[model]), encoding="utf-8")
    for foretold, shown in foretold_and_shown(config, seed, tmp_path):
        assert abs(foretold - shown) <= 0.05


def test_more_steps_than_can_be_counted(trained: Path) -> None:
    with pytest.raises(UsageError, match=r"--steps 10{30}: give 2 or more, and at most 1,000,000"):
        calibrate(trained / "config.yaml", steps=10**30)
