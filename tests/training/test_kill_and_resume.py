"""An interrupted run ends as if nobody had interrupted it: bit for bit, however it was interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from training_recipe import CONFIG, CPU, ingredients, result_of, run, utterances

from asrtrain.data.manifest import write_manifest
from asrtrain.errors import CheckpointError, Interrupted
from asrtrain.training import Batches, TrainingConfig, has_checkpoint, train
from asrtrain.training.signals import listening
from asrtrain.types import Batch

HERE = Path(__file__).parent
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def program(name: str, *arguments: object) -> list[str]:
    return [sys.executable, str(HERE / name), *map(str, arguments)]


def kill(folder: Path, *arguments: object) -> str:
    command = program("killing.py", folder, *arguments)  # in a folder of its own: fit points runs/latest there
    done = subprocess.run(command, cwd=folder.parent, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.slow
def test_ten_kills_at_random_moments_change_nothing(straight, cache, fsdd, tmp_path):
    said = kill(tmp_path / "run", cache, fsdd, "moments", 1, 10)
    assert said.count("continuing at") >= 3, "the kills came before anything was saved"
    assert result_of(tmp_path / "run") == result_of(straight)


CONFIG_FILE = """\
seed: 5
data: {{train: {{name: manifest, path: {folder}/train.csv}}, held_out: {{by: hash, fraction: 0.2}}}}
features: {{name: log_mel, sample_rate: 8000, n_mels: 16, normalise: global}}
augmentation: {{speed: [0.9, 1.1], shift: {{}}, noise: {{}}, vtlp: [0.9, 1.1], spec_augment: {{}}}}
model: {{name: gru, hidden_size: 12, dropout: 0.2}}
optimizer: {{name: adamw, lr: 5.0e-3}}
schedule: {{name: plateau, patience: 0}}
clipping: {{name: norm, threshold: {{name: dynamic, quantile: 0.5, window: 8, warmup: 2}}}}
training: {{max_epochs: 3, batch_size: 8, accum_grad: 2, ema: 0.9, average: 2, checkpoint_interval: 2, log_interval: 3}}
"""


@pytest.mark.slow
def test_ten_kills_of_the_command_line_change_nothing(cache, fsdd, tmp_path):
    write_manifest(utterances(fsdd, range(5, 9)), tmp_path / "train.csv", "csv")
    config = tmp_path / "run.yaml"
    config.write_text(CONFIG_FILE.format(folder=tmp_path))
    command = [sys.executable, "-m", "asrtrain", "fit", str(config), "--output", str(tmp_path / "straight")]
    environment = {**ENVIRONMENT, "ASRTRAIN_CACHE": str(cache)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = kill(tmp_path / "killed", cache, config, "moments", 2, 10)
    assert said.count("continuing at") >= 3, "the kills came before anything was saved"
    assert result_of(tmp_path / "killed") == result_of(tmp_path / "straight")
    assert (tmp_path / "runs" / "latest").resolve() == tmp_path / "killed"


@pytest.mark.slow
def test_kills_around_changes_to_the_disk_change_nothing(straight, cache, fsdd, tmp_path):
    numbers = (3, 12, 31, 44, 61, 87, 120, 187)
    kill(tmp_path, cache, fsdd, "calls", *numbers)
    assert len(list(tmp_path.iterdir())) == len(numbers)
    for number in numbers:
        assert result_of(tmp_path / str(number)) == result_of(straight), f"killed at {number}"


@pytest.mark.slow
def test_no_kill_around_any_change_to_the_disk_changes_anything(straight, cache, fsdd, tmp_path):
    kill(tmp_path, cache, fsdd, "calls")
    folders = list(tmp_path.iterdir())
    assert len(folders) > 300
    for folder in folders:
        assert result_of(folder) == result_of(straight), f"killed at {folder.name}"


class Ledger(Batches):
    """Writes down whose turn it is, and raises a signal when so many batches have been handed out."""

    def __init__(self, batches: Batches, ids: list[str], signal_after: int | None) -> None:
        self.batches, self.ids, self.left = batches, ids, signal_after

    @property
    def batches_per_epoch(self) -> int:
        return self.batches.batches_per_epoch

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        for batch in self.batches.epoch(epoch, start):
            self.ids.extend(batch.ids)
            if self.left is not None:
                self.left -= 1
                if self.left == 0:
                    signal.raise_signal(signal.SIGTERM)
            yield batch


def run_with_ledger(folder: Path, cache: Path, fsdd: Path, ids: list[str], signal_after: int | None) -> None:
    config = TrainingConfig(**CONFIG)
    parts = ingredients(fsdd, cache, config)
    parts = replace(parts, batches=Ledger(parts.batches, ids, signal_after))
    train(parts, config, folder, seed=7, device=CPU, metadata={"model": {"name": "gru"}})


# Batches come in windows of two; eight make an epoch. A second interruption in one epoch starts from the first one.
@pytest.mark.parametrize("batches_between", [[5], [8], [1, 3], [3, 3, 3], [2, 6, 9]])
def test_every_utterance_is_seen_exactly_as_often_as_without_interruptions(
    batches_between, straight, cache, fsdd, tmp_path
):
    expected: list[str] = []
    run_with_ledger(tmp_path / "straight", cache, fsdd, expected, None)
    seen: list[str] = []
    for signal_after in batches_between:
        with pytest.raises(Interrupted, match="SIGTERM: saved at epoch") as caught:
            run_with_ledger(tmp_path / "run", cache, fsdd, seen, signal_after)
        assert caught.value.exit_code == 130
    run_with_ledger(tmp_path / "run", cache, fsdd, seen, None)
    assert seen == expected
    assert len(seen) == 3 * 60
    assert result_of(tmp_path / "run") == result_of(straight)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_a_real_process_saves_and_exits_130(number, straight, cache, fsdd, tmp_path):
    command = program("training_recipe.py", tmp_path, cache, fsdd)
    with subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        process.send_signal(number)
        said += process.stderr.read()
    assert process.returncode == 130, said
    assert f"{number.name}: saved at epoch" in said
    run(tmp_path, cache, fsdd)
    assert result_of(tmp_path) == result_of(straight)


def test_a_second_signal_stops_at_once_and_what_was_saved_is_whole(straight, cache, fsdd, tmp_path):
    config = TrainingConfig(**CONFIG)
    parts = ingredients(fsdd, cache, config)
    before = signal.getsignal(signal.SIGINT)  # a job in the background may have been told to ignore it

    def impatient(model):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("still running")

    with pytest.raises(Interrupted, match="at once"):
        train(replace(parts, validate=impatient), config, tmp_path, seed=7, device=CPU, metadata={})
    assert signal.getsignal(signal.SIGINT) == before
    assert has_checkpoint(tmp_path)


def test_a_signal_while_validating_is_heeded_after_it(straight, cache, fsdd, tmp_path):
    config = TrainingConfig(**CONFIG)
    parts = ingredients(fsdd, cache, config)

    def interrupted(model):
        signal.raise_signal(signal.SIGINT)
        return parts.validate(model)

    with pytest.raises(Interrupted, match="saved at epoch 2, step 4"):
        train(
            replace(parts, validate=interrupted),
            config,
            tmp_path,
            seed=7,
            device=CPU,
            metadata={"model": {"name": "gru"}},
        )
    run(tmp_path, cache, fsdd)
    assert result_of(tmp_path) == result_of(straight)


def test_outside_the_main_thread_signals_are_left_alone():
    def listen() -> None:
        with listening() as request:
            heard.append((request.signal, signal.getsignal(signal.SIGINT)))

    heard: list[object] = []
    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert heard == [(None, before)]


def test_a_finished_run_is_finished_again_and_unchanged(straight, cache, fsdd):
    before = result_of(straight)
    outcome = run(straight, cache, fsdd)
    assert result_of(straight) == before
    assert outcome.steps == 12
    assert outcome.stopped_by == "max_epochs"


def test_a_folder_that_holds_a_run_is_not_begun_anew(straight, cache, fsdd):
    config = TrainingConfig(**CONFIG)
    with pytest.raises(CheckpointError, match="holds a run already"):
        train(ingredients(fsdd, cache, config), config, straight, seed=7, device=CPU, metadata={}, resume=False)


def test_training_goes_on_where_a_finished_run_has_ended_if_more_epochs_are_asked_for(cache, fsdd, straight, tmp_path):
    run(tmp_path, cache, fsdd, max_epochs=1, average=0)
    run(tmp_path, cache, fsdd, max_epochs=3, average=0)
    last = "checkpoints/last-00003-000000012/model.safetensors"
    assert (tmp_path / last).read_bytes() == (straight / last).read_bytes()
