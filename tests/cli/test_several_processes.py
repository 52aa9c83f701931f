"""``asrtrain fit`` in several processes: the same run, whoever is killed and however many go on."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.cli.conftest import Run

from asrtrain.app.processes import run_processes
from asrtrain.cli import main
from asrtrain.errors import AsrtrainError, DataError

CONFIG = """\
data:
  train: {{name: fsdd, folder: {fsdd}, split: train, speakers: [theo]}}
features: {{name: mfcc, sample_rate: 8000}}
model: {{name: lstm, hidden_size: 8, dropout: 0.0}}
optimizer: {{name: sgd, lr: 0.05}}
clipping: {{name: dynamic}}
training: {{max_epochs: 8, batch_size: 45, average: 2}}
"""
FIT = [sys.executable, "-m", "asrtrain", "fit", "words.yaml", "--device", "cpu", "--output", "run"]


def train_alone(folder: Path, config: str, cache: Path) -> Path:
    """The run folder of one process that nobody disturbs."""
    (folder / "words.yaml").write_text(config, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASRTRAIN_CACHE", str(cache))
        patch.chdir(folder)  # where runs/latest is pointed to the run
        assert main(["fit", str(folder / "words.yaml"), "--device", "cpu", "--output", str(folder / "run")]) == 0
    return folder / "run"


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, fsdd: Path, cache: Path) -> Path:
    return train_alone(tmp_path_factory.mktemp("alone"), CONFIG.format(fsdd=fsdd), cache)


@pytest.fixture
def work(tmp_path: Path, fsdd: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with the same configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASRTRAIN_CACHE", str(cache))
    (tmp_path / "words.yaml").write_text(CONFIG.format(fsdd=fsdd), encoding="utf-8")
    return tmp_path


def assert_same(run: Path, other: Path) -> None:
    """The same weights and losses, up to rounding, and the same average in the end."""
    for checkpoint in ("last", "average"):
        files = [folder / "checkpoints" / checkpoint / "model.safetensors" for folder in (run, other)]
        weights, others = map(load_file, files)
        for name, tensor in weights.items():
            torch.testing.assert_close(tensor, others[name], rtol=0, atol=1e-5)
    assert losses(run) == pytest.approx(losses(other), abs=1e-4)


def losses(run: Path) -> list[float]:
    """Of every step, and on the development part of every epoch."""
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return [record["loss" if record["kind"] == "step" else "dev_loss"] for record in records[1:]]


def start_and_wait_for_a_checkpoint(*options: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [*FIT, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while not Path("run/checkpoints/last").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    return process


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """The processes that it has started, the first one first."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="utf-8").split()
    assert len(children) == 2
    return sorted(map(int, children))


@pytest.mark.slow
def test_two_processes_make_the_run_that_one_makes(work: Path, alone: Path) -> None:
    result = subprocess.run([*FIT, "--nproc", "2"], check=True, capture_output=True, text=True)
    assert result.stdout == "run\n"
    assert result.stderr.count("stopped by max_epochs") == 1
    assert json.loads(Path("run/environment.json").read_text(encoding="utf-8"))["processes"] == 2
    assert_same(Path("run"), alone)


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_when_one_process_is_killed_all_end_and_one_alone_can_go_on(work: Path, alone: Path, victim: int) -> None:
    process = start_and_wait_for_a_checkpoint("--nproc", "2")
    workers = workers_of(process)
    os.kill(workers[victim], signal.SIGKILL)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 4
    assert f"process {victim} of 2 was ended by SIGKILL; run the same command again to continue" in told
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
    assert main(FIT[3:]) == 0
    assert_same(Path("run"), alone)


@pytest.mark.slow
def test_ctrl_c_saves_once_and_two_processes_go_on(work: Path, alone: Path) -> None:
    process = start_and_wait_for_a_checkpoint("--nproc", "2")
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the launcher passes on what the others have got too
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "SIGINT: saved at epoch" in told
    subprocess.run([*FIT, "--nproc", "2"], check=True, capture_output=True)
    assert_same(Path("run"), alone)


@pytest.mark.slow
def test_torchrun(work: Path, alone: Path) -> None:
    torchrun = Path(sys.executable).with_name("torchrun")
    command = [str(torchrun), "--standalone", "--nproc-per-node", "3", "-m", *FIT[2:]]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "run\n"
    assert_same(Path("run"), alone)


@pytest.mark.parametrize(
    ("change", "code", "reason"),
    [
        (["--device", "abacus"], 2, "there is no such device"),
        pytest.param(["--set", "performance=auto"], 2, "auto measures in one process", marks=pytest.mark.slow),
        pytest.param(["--set", "data.train.folder=gone"], 3, "fsdd --output gone", marks=pytest.mark.slow),
        pytest.param(
            ["--set", "model={name: cnn}", "--set", "clipping={name: per_utterance, threshold: 1.0}"],
            2,
            "use one process, or a model without it",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_what_is_wrong_is_told_once_with_its_exit_code(work: Path, change: list[str], code: int, reason: str) -> None:
    result = subprocess.run([*FIT, "--nproc", "2", *change], check=False, capture_output=True, text=True)
    assert result.returncode == code
    assert result.stderr.count(reason) == 1
    assert "process 1" not in result.stderr
    assert f"process 0 of 2 ended with exit code {code}, for the reason above" in result.stderr
    assert not Path("run").exists()


def program(path: Path, script: str) -> str:
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("culprit", [0, 1])
def test_the_last_words_of_whoever_failed_are_told_and_nothing_is_left_open(
    culprit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    script = f'echo "I am $RANK" >&2; echo printed; [ $RANK = {culprit} ] && exit 3; exit 4'
    monkeypatch.setattr(sys, "executable", program(tmp_path / "program", script))
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        with pytest.raises(DataError, match=f"process {culprit} of 2 ended with exit code 3"):
            run_processes(2, [])
        gc.collect()
    assert not heard
    assert capfd.readouterr() == ("printed\n", "I am 0\n" + "I am 1\n" * culprit)


@pytest.mark.parametrize(("code", "told"), [(4, 1), (2, 0)])
def test_of_losing_each_other_the_first_to_end_tells_and_of_what_all_complain_the_first_of_all(
    code: int, told: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    script = f'[ $RANK = 1 ] || sleep 1; echo "I am $RANK" >&2; exit {code}'
    monkeypatch.setattr(sys, "executable", program(tmp_path / "program", script))
    with pytest.raises(AsrtrainError, match=f"process {told} of 2 ended with exit code {code}"):
        run_processes(2, [])
    assert ("I am 1" in capfd.readouterr().err) == (told == 1)


def test_what_the_first_process_prints_is_returned_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", program(tmp_path / "program", "[ $RANK = 1 ] || seq 100000"))
    assert run_processes(2, []).splitlines()[-1] == "100000"


@pytest.mark.parametrize("number", ["0", "-1"])
def test_no_process_at_all_is_refused(run: Run, number: str) -> None:
    result = run("fit", "words.yaml", "--nproc", number)
    assert (result.code, "--nproc" in result.err) == (2, True)


def test_processes_that_torchrun_started_start_no_others(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    result = run("fit", "words.yaml", "--nproc", "2")
    assert result.code == 2
    assert "torchrun" in result.err
