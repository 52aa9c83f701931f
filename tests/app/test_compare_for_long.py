"""Comparisons that are stopped, and intervals that must cover nothing where there is nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from asrtrain.app import compare
from asrtrain.comparison import Comparison, Trial

SHORT = ["training.max_epochs=2", "training.average=0"]


def figures(comparison: Comparison) -> list[Trial]:
    """All but the computing time."""
    return [replace(trial, cpu_seconds=0.0) for trials in comparison.trials.values() for trial in trials]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "jobs"), [(signal.SIGINT, 1), (signal.SIGKILL, 2)])
def test_a_stopped_comparison_gives_the_same_table(kind: int, jobs: int, trained: Path, tmp_path: Path) -> None:
    options = {"rules": ["none", "norm:0.5"], "seeds": 3, "overrides": SHORT}
    whole = compare(trained / "config.yaml", output=tmp_path / "whole", **options)
    stopped = tmp_path / "stopped"
    settings = [text for override in SHORT for text in ("--set", override)]
    command = [sys.executable, "-m", "asrtrain", "compare", str(trained / "config.yaml"), "--clip", "none"]
    command += ["--clip", "norm:0.5", "--seeds", "3", "--jobs", str(jobs), "--output", str(stopped), *settings]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    for _ in range(1200):
        if list(stopped.glob("*/*/trial.json")) or process.poll() is not None:
            break
        time.sleep(0.05)
    assert process.poll() is None, process.communicate()
    os.killpg(process.pid, kind)
    _, told = process.communicate(timeout=60)
    if kind == signal.SIGINT:
        assert process.returncode == 130, told
    done = len(list(stopped.glob("*/*/trial.json")))
    assert 1 <= done < 6
    resumed = compare(trained / "config.yaml", output=stopped, **options)
    assert figures(resumed) == figures(whole)
    assert [d.mean for d in resumed.differences] == [d.mean for d in whole.differences]


@pytest.mark.slow
def test_intervals_cover_a_planted_null_effect(trained: Path, tmp_path: Path) -> None:
    found = compare(
        trained / "config.yaml", varied=["optimizer.lr=0.01,0.02"], seeds=20, overrides=[*SHORT, "clipping=none"],
        output=tmp_path / "many",
    )  # fmt: skip
    same = next(iter(found.trials.values()))
    covered = 0
    for number in range(20):
        drawn = random.Random(number).sample(same, 10)
        ours = [replace(trial, seed=seed) for seed, trial in enumerate(drawn[:5])]
        theirs = [replace(trial, seed=seed) for seed, trial in enumerate(drawn[5:])]
        (difference,) = Comparison({"a": ours, "b": theirs}, "accuracy").differences
        covered += difference.low <= 0 <= difference.high
    assert covered >= 18
