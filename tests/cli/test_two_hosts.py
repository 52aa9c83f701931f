"""Two hosts train one model together, one of them dies, and the run ends as if nothing had been."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.cli.hosts import Host, two_hosts

from asrtrain.cli import main

CONFIG = """\
data:
  train: {{name: fsdd, folder: {fsdd}, split: train, speakers: [theo]}}
features: {{name: mfcc, sample_rate: 8000}}
model: {{name: lstm, hidden_size: 8, dropout: 0.0}}
optimizer: {{name: sgd, lr: 0.05}}
clipping: {{name: dynamic}}
training: {{max_epochs: 10, batch_size: 45, checkpoint_interval: 3}}
"""
STEPS_AN_EPOCH = 10
FIT = ["-m", "asrtrain", "fit", "words.yaml", "--device", "cpu", "--output", "run"]
TORCHRUN = str(Path(sys.executable).with_name("torchrun"))

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, fsdd: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASRTRAIN_CACHE", str(cache))
    (tmp_path / "words.yaml").write_text(CONFIG.format(fsdd=fsdd), encoding="utf-8")


def losses(run: str) -> list[float]:
    records = [json.loads(line) for line in Path(run, "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return [record["loss"] for record in records if record["kind"] == "step"]


def assert_undisturbed() -> None:
    """The run is that of one process which nobody disturbed."""
    assert main(["fit", "words.yaml", "--device", "cpu", "--output", "alone"]) == 0
    assert losses("run") == pytest.approx(losses("alone"), abs=1e-4)
    weights, others = (load_file(Path(run, "checkpoints/last/model.safetensors")) for run in ("run", "alone"))
    for name, tensor in weights.items():
        torch.testing.assert_close(tensor, others[name], rtol=0, atol=1e-5)


def wait_for_a_checkpoint_inside_an_epoch(host: Host) -> None:
    last = Path("run/checkpoints/last")
    while not (last.exists() and int(last.readlink().name.rsplit("-", 1)[1]) % STEPS_AN_EPOCH):
        (process,) = host.started
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)


def test_one_host_is_killed_and_one_process_goes_on_by_hand() -> None:
    with two_hosts() as hosts:
        for rank, host in enumerate(hosts):
            meeting = ["--master-addr", hosts[0].address, "--master-port", "29500"]
            host.start([TORCHRUN, "--nnodes", "2", "--node-rank", str(rank), *meeting, *FIT])
        west, east = hosts
        wait_for_a_checkpoint_inside_an_epoch(west)
        east.kill()
        (survivor,) = west.started
        _, told = survivor.communicate(timeout=120)
    assert survivor.returncode != 0
    assert "another process of this run has ended or cannot be reached" in told
    assert json.loads(Path("run/environment.json").read_text(encoding="utf-8"))["processes"] == 2
    assert len(losses("run")) < 10 * STEPS_AN_EPOCH
    assert main(FIT[2:]) == 0
    assert_undisturbed()


def test_one_host_is_killed_and_torchrun_goes_on_with_the_other() -> None:
    with two_hosts() as hosts:
        west, east = hosts
        for host in hosts:
            meeting = ["--rdzv-backend", "c10d", "--rdzv-endpoint", f"{west.address}:29500", "--rdzv-id", "words"]
            elastic = ["--nnodes", "1:2", "--max-restarts", "3", "--rdzv-conf", "last_call_timeout=5"]
            host.start([TORCHRUN, *elastic, *meeting, *FIT])
        wait_for_a_checkpoint_inside_an_epoch(west)
        east.kill()
        (survivor,) = west.started
        printed, told = survivor.communicate(timeout=150)
    assert (survivor.returncode, printed) == (0, "run\n"), told
    assert "continuing at epoch" in told
    assert_undisturbed()
