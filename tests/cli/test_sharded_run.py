"""``asrtrain fit`` with ``training.sharding: full``: the same run as one process makes that holds everything."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.cli.conftest import Run
from tests.cli.test_several_processes import FIT, losses, start_and_wait_for_a_checkpoint, train_alone, workers_of

from asrtrain.cli import main

CONFIG = """\
data:
  train: {{name: fsdd, folder: {fsdd}, split: train, speakers: [theo]}}
features: {{name: mfcc, sample_rate: 8000}}
model: {{name: lstm, hidden_size: 8, dropout: 0.0}}
optimizer: {{name: adamw, lr: 0.002}}
schedule: {{name: plateau, patience: 0}}
clipping: {{name: norm, threshold: {{name: dynamic, quantile: 0.5, window: 8, warmup: 2}}, scope: layer}}
training:
  {{max_epochs: 6, batch_size: 45, accum_grad: 2, ema: 0.9, average: 2, checkpoint_interval: 3, sharding: full}}
"""


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, fsdd: Path, cache: Path) -> Path:
    return train_alone(tmp_path_factory.mktemp("alone"), CONFIG.format(fsdd=fsdd), cache)


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, fsdd: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASRTRAIN_CACHE", str(cache))
    (tmp_path / "words.yaml").write_text(CONFIG.format(fsdd=fsdd), encoding="utf-8")


def assert_same(run: Path, other: Path) -> None:
    """The same losses, the same checkpoints with everything in them, up to rounding."""
    assert losses(run) == pytest.approx(losses(other), abs=1e-4)
    files = sorted(path.relative_to(other) for path in (other / "checkpoints").glob("*/*.safetensors"))
    assert files == sorted(path.relative_to(run) for path in (run / "checkpoints").glob("*/*.safetensors"))
    for file in files:
        ours, others = load_file(run / file), load_file(other / file)
        assert {name for name in ours if "generators" not in name} == {n for n in others if "generators" not in n}
        for name, tensor in others.items():
            if "generators" not in name:
                torch.testing.assert_close(ours[name], tensor, rtol=1e-3, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}")


def start_and_stop_after_a_checkpoint(*options: str) -> None:
    process = subprocess.Popen([*FIT, *options], stderr=subprocess.PIPE, text=True, start_new_session=True)
    last = Path("run/checkpoints/last")
    before = last.readlink() if last.exists() else None
    while not last.exists() or last.readlink() == before:
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "SIGINT: saved at epoch" in told


@pytest.mark.slow
def test_two_processes_make_the_run_that_one_makes(alone: Path) -> None:
    result = subprocess.run([*FIT, "--nproc", "2"], check=True, capture_output=True, text=True)
    assert result.stdout == "run\n"
    assert result.stderr.count("stopped by max_epochs") == 1
    assert_same(Path("run"), alone)


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_when_one_process_is_killed_one_alone_goes_on_with_whole_weights(alone: Path, victim: int) -> None:
    process = start_and_wait_for_a_checkpoint("--nproc", "2")
    workers = workers_of(process)
    os.kill(workers[victim], signal.SIGKILL)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 4
    assert f"process {victim} of 2 was ended by SIGKILL; run the same command again to continue" in told
    assert ("another process of this run has ended" in told) == (victim == 1)  # the first one speaks for all
    assert "internal error" not in told
    assert main(FIT[3:]) == 0
    assert_same(Path("run"), alone)


@pytest.mark.slow
def test_what_one_process_began_three_finish_and_two_were_asked_to_stop(alone: Path) -> None:
    for processes in ([], ["--nproc", "2"]):
        start_and_stop_after_a_checkpoint(*processes)
    last = subprocess.run([*FIT, "--nproc", "3"], check=False, capture_output=True, text=True)
    assert last.returncode == 0, last.stderr
    assert json.loads(Path("run/environment.json").read_text(encoding="utf-8"))["processes"] == 1
    assert_same(Path("run"), alone)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("clipping=[{name: norm, threshold: 1.0}, {name: spam}]", "clipping.1: spam"),
        ("clipping={name: norm, threshold: 1.0, scope: unit}", "clipping.0: norm"),
        ("clipping={name: per_utterance, threshold: 1.0}", "clipping.0: per_utterance"),
        ("clipping={name: update_rms}", "clipping.0: update_rms"),
        ("training.on_nonfinite.loss=rollback", "rollback"),
        ("model={name: gmm_hmm}", "gmm_hmm"),
    ],
)
def test_what_needs_whole_tensors_is_refused_before_there_is_a_run(run: Run, change: str, said: str) -> None:
    result = run("fit", "words.yaml", "--nproc", "2", "--output", "run", "--set", change)
    assert result.code == 2
    assert said in result.err
    assert not Path("run").exists()
