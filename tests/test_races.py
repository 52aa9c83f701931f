"""Benchmarks of whole runs: all train the same network by the same recipe, and epochs are timed from outside."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "benchmarks" / "peers")]

import networks  # noqa: E402
from epoch import epoch_seconds, figures  # noqa: E402
from race.candidates import Candidate, contenders  # noqa: E402
from race.running import Epoch, Running, taking_turns  # noqa: E402
from race.task import TASKS, Task  # noqa: E402
from start import first_batch  # noqa: E402
from time_to_accuracy import cpu_to_goal, start_up  # noqa: E402

from asrtrain.config import load_config  # noqa: E402
from asrtrain.run_config import RunConfig  # noqa: E402
from asrtrain.types import Task as Kind  # noqa: E402
from tests.recognisers import recogniser  # noqa: E402

STEPS_OF_WARMUP = {"digits": 102, "strings": 94}
RUN = [Epoch(10.0, 11.0, 0.9, 500.0), Epoch(12.0, 14.0, 0.99, 510.0), Epoch(15.0, 17.0, 0.98, 520.0)]


@pytest.fixture(params=TASKS)
def task(request: pytest.FixtureRequest) -> Task:
    return TASKS[request.param]


@pytest.fixture
def config(task: Task, tmp_path: Path) -> RunConfig:
    """asrtrain's, for as many recordings as the task has."""
    lines = '{"audio_filepath": "a.wav", "text": "one"}\n' * {"digits": 2700, "strings": 2000}[task.name]
    for split in ("train", "test"):
        (tmp_path / f"{split}.jsonl").write_text(lines, encoding="utf-8")
    manifests = {"train": tmp_path / "train.jsonl", "test": tmp_path / "test.jsonl"}
    (tmp_path / "config.yaml").write_text(task.configuration(manifests, "fp32"), encoding="utf-8")
    return load_config(tmp_path / "config.yaml", RunConfig)


def test_all_train_a_network_of_the_same_parameters(task: Task, config: RunConfig) -> None:
    kind: Kind = "classification" if task.name == "digits" else "transcription"
    assert config.task == kind
    size = networks.FEATURES * (1 if task.name == "digits" else networks.STACK)
    head = config.objective.name
    settings = config.model.model_dump()
    ours = recogniser(settings.pop("name"), size, 10 if task.name == "digits" else 11, head=head, **settings)
    theirs = networks.DigitNet(0.1) if task.name == "digits" else networks.StringNet(0.1)
    shapes = [sorted(tuple(parameter.shape) for parameter in network.parameters()) for network in (ours, theirs)]
    assert shapes[0] == shapes[1]
    assert config.features.build().feature_size == size


def test_all_follow_the_same_learning_rate(task: Task, config: RunConfig) -> None:
    steps = {"digits": 85, "strings": 63}[task.name]
    schedule = config.schedule.build(steps, task.epochs)
    warmup, every = STEPS_OF_WARMUP[task.name], steps * task.epochs
    assert (task.warmup, config.training.max_epochs) == (warmup, task.epochs)
    for step in (0, warmup // 2, warmup, every // 2, every - 1):
        expected = (step + 1) / warmup if step < warmup else (every - step) / (every - warmup)
        assert schedule.factor(step) == pytest.approx(expected, abs=0.02)


def test_a_digit_network_takes_no_notice_of_padding_behind_the_last_window() -> None:
    torch.manual_seed(0)
    network = networks.StringNet(0.0)
    features, lengths = torch.randn(2, 9, 117), torch.tensor([9, 6])
    alone = network(features[1:, :6], lengths[1:])
    torch.testing.assert_close(network(features, lengths)[1:, :6], alone, rtol=0, atol=1e-6)


def test_a_process_is_timed_epoch_by_epoch_and_stands_still_between(tmp_path: Path) -> None:
    program = (
        "import time\n"
        "for epoch in (1, 2):\n"
        "    began = time.process_time()\n"
        "    while time.process_time() - began < 0.2 * epoch: pass\n"
        "    print(f'epoch {epoch}/2  step 9  loss 1.0  dev loss 0.4  accuracy 0.{epoch}000 (best)', flush=True)\n"
    )
    with taking_turns() as running:
        for place in range(2):
            command = [sys.executable, "-c", program]
            running.append(Running(command, dict(os.environ), tmp_path / f"{place}.txt"))
        rounds = [[process.epoch() for process in running] for _ in range(2)]
        with pytest.raises(RuntimeError, match="ended too early"):
            running[0].epoch()
    for first, second in zip(*rounds, strict=True):
        assert (first.metric, second.metric) == (0.1, 0.2)
        assert second.cpu - first.cpu == pytest.approx(0.4, abs=0.2)
        assert first.peak > 1


def test_figures_are_theirs_by_ours() -> None:
    task, slow = TASKS["digits"], [Epoch(1.0, 1.0, 0.5, 1.0), Epoch(7.0, 9.0, 0.97, 1.0), Epoch(12.0, 9.0, 0.98, 1.0)]
    lucky = [Epoch(1.0, 1.0, 0.5, 1.0), Epoch(3.0, 4.0, 0.9, 1.0), Epoch(5.5, 7.0, 1.0, 1.0)]
    ours, theirs = Candidate("asrtrain", "documented", "fp32"), Candidate("lightning", "levers", "fp32")
    assert epoch_seconds([RUN]) == 2.5
    assert dict(figures(task, {ours: [RUN, lucky, RUN], theirs: [slow]}, finished=True)) == {
        "digits_asrtrain_fp32_cpu_seconds": 2.25,
        "digits_asrtrain_fp32_accuracy": 98.0,
        "digits_lightning_levers_fp32": 5.5 / 2.25,
        "digits_lightning_levers_fp32_accuracy": 98.0,
    }


def test_a_goal_is_reached_when_it_is_first_reached() -> None:
    assert cpu_to_goal(TASKS["digits"], RUN) == 12.0
    assert cpu_to_goal(TASKS["strings"], RUN) == 15.0  # never
    assert start_up(RUN) == 7.5
    assert TASKS["strings"].reached(0.0099)
    assert not TASKS["strings"].reached(0.0100)


@pytest.mark.slow
def test_a_start_ends_when_the_first_batch_is_there(tmp_path: Path, fsdd: Path) -> None:
    config, cache, run = tmp_path / "config.yaml", tmp_path / "cache", tmp_path / "run"
    speech = f"name: fsdd, folder: {fsdd}, speakers: [theo]"
    config.write_text(
        f"data: {{train: {{{speech}, split: train}}, test: {{{speech}, split: test}}, unit: label}}\n"
        "features: {name: mfcc, sample_rate: 8000}\nmodel: {name: softmax}\ntraining: {max_epochs: 1}\n",
        encoding="utf-8",
    )
    assert first_batch(config, run, cache) > 0.5
    assert len(list(cache.glob("features-*.bin"))) == 2  # of what is trained on, and of what is held out
    assert (run / "config.yaml").exists()
    assert not (run / "checkpoints").exists()
    with pytest.raises(RuntimeError, match="no such file"):
        first_batch(tmp_path / "absent.yaml", run, cache)


def test_without_peers_a_plain_loop_is_left() -> None:
    names = {candidate.library for candidate in contenders(sys.executable, "bf16")}
    assert {"asrtrain", "plain_loop"} <= names
