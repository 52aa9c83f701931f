"""Gradients explode without clipping, on real speech, and two rules save the run: a part of the benchmark."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from asrtrain.cli import main
from asrtrain.clipping import CLIPPERS, ClipRuleConfig
from asrtrain.config import load_config
from asrtrain.config.loading import build_config
from asrtrain.run_config import RunConfig

ROOT = Path(__file__).resolve().parent.parent
CONFIG = ROOT / "configs" / "explosion.yaml"
BENCHMARK = ROOT / "benchmarks" / "explosion.py"
MINIMAL = {"data": {"train": {"name": "fsdd", "folder": "fsdd"}}, "model": "rnn"}


def test_the_demonstration_is_the_shipped_configuration() -> None:
    config = load_config(CONFIG, RunConfig)
    assert (config.optimizer.name, config.model.name, config.schedule.name) == ("sgd", "rnn", "constant")
    assert config.optimizer.model_dump()["lr"] == 0.3


def test_the_benchmark_tries_every_rule_with_a_setting_that_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARK.parent)  # as for a program, which finds its neighbours
    trials = runpy.run_path(str(BENCHMARK))["trials"]()
    assert {type(build_rule(rule)) for rule in trials.values()} == set(CLIPPERS.values())


def build_rule(rule: dict[str, object]) -> ClipRuleConfig:
    (config,) = build_config(RunConfig, {**MINIMAL, "clipping": rule}).clipping
    return config


@pytest.mark.slow
def test_clipping_decides_whether_training_survives(fsdd: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(BENCHMARK), "--quick", "--seeds", "2", "--format", "json"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    ran = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path, env=environment)
    runs = json.loads(ran.stdout)["runs"]
    lost = {run["settings"]: run["why"] for run in runs if run["why"]}
    assert lost.keys() == {"{name: none}"}
    assert set(lost.values()) <= {"loss", "gradient"}
    assert len([run for run in runs if run["why"]]) == 2
    assert all(run["accuracy"] > 0.3 for run in runs if not run["why"])


def test_the_trainer_itself_ends_with_exit_code_4(
    fsdd: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASRTRAIN_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)  # where runs/latest is pointed to the run
    code = main(["fit", str(CONFIG), "--set", "clipping={name: none}", "--output", str(tmp_path / "run")])
    assert code == 4
    assert "is not finite; utterances" in capsys.readouterr().err
