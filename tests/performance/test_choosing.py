"""Measuring how to use the machine, on a model that hears real speech."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from tests.recognisers import recogniser

from asrtrain.app import fit
from asrtrain.app.fit import load_settings
from asrtrain.cli import main
from asrtrain.data.audio import read_audio
from asrtrain.errors import UsageError
from asrtrain.features.mfcc import MFCCConfig
from asrtrain.performance.choice import choose
from asrtrain.performance.machine import measure_machine
from asrtrain.performance.setup import Setup, cores, has_bf16, using
from asrtrain.performance.trial import Difference, Trial
from asrtrain.types import Batch, Targets

CPU = torch.device("cpu")
WORDS = """\
seed: 3
output_dir: {folder}/runs
data:
  train: {{name: fsdd, folder: {fsdd}, split: train, speakers: [theo]}}
  test: {{name: fsdd, folder: {fsdd}, split: test, speakers: [theo]}}
features: {{name: mfcc, sample_rate: 8000}}
model: {{name: lstm, hidden_size: 16}}
training: {{max_epochs: 2, batch_size: 64}}
performance: {{name: auto, seconds: 0.2}}
"""


@pytest.fixture
def trial(fsdd: Path) -> Trial:
    """An LSTM that is to tell eight recordings apart."""
    waveforms = [torch.from_numpy(read_audio(fsdd / f"{digit}_theo_0.wav", 8000).samples) for digit in range(8)]
    lengths = torch.tensor([len(waveform) for waveform in waveforms])
    padded = torch.nn.utils.rnn.pad_sequence(list(waveforms), batch_first=True)
    features, frames = MFCCConfig(sample_rate=8000).build()(padded, lengths)
    torch.manual_seed(0)
    model = recogniser("lstm", features.shape[2], len(waveforms), hidden_size=16)
    ids = tuple(map(str, range(len(waveforms))))
    targets = Targets(torch.arange(len(waveforms)).unsqueeze(1), torch.ones(len(waveforms), dtype=torch.int64))
    return Trial(model, [Batch(ids, features, frames, {"label": targets})], CPU)


def test_what_is_given_up_for_speed_is_measured(trial: Trial) -> None:
    start = Setup(1)
    assert trial.difference(start, start).within(Difference(loss=0.0, cosine=1 - 1e-12))
    if has_bf16(CPU):
        half = trial.difference(start, Setup(1, "bf16"))
        assert half.within(Difference(loss=0.02, cosine=0.98))
        assert not half.within(Difference(loss=1e-7, cosine=1 - 1e-9))


def test_what_is_not_a_number_is_no_small_difference() -> None:
    assert not Difference(loss=float("nan"), cosine=1.0).within(Difference(loss=1.0, cosine=0.0))
    assert not Difference(loss=0.0, cosine=float("nan")).within(Difference(loss=1.0, cosine=0.0))


def test_choosing_leaves_generator_and_settings_alone_and_says_why(trial: Trial) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    choice = choose(trial, Setup(1), budget=0.1)
    assert torch.equal(torch.rand(3), expected)
    assert (torch.get_num_threads(), torch.get_float32_matmul_precision()) == before
    assert choice.seconds > 0
    told = "\n".join(choice.reasons)
    assert "bf16" in told
    assert "oneDNN" in told
    assert "thread" in told or cores() == 1


def test_a_precision_that_was_asked_for_stays(trial: Trial) -> None:
    assert choose(trial, Setup(1, "bf16" if has_bf16(CPU) else "fp32"), budget=0.1).setup.precision in ("bf16", "fp32")
    assert not any(reason.startswith("bf16") for reason in choose(trial, Setup(1, "fp16"), budget=0.1).reasons)


def test_threads_and_products_hold_for_as_long_as_they_are_wanted() -> None:
    before = torch.get_num_threads()
    with using(before + 1, "onednn"):
        assert (torch.get_num_threads(), torch.get_float32_matmul_precision()) == (before + 1, "medium")
    assert (torch.get_num_threads(), torch.get_float32_matmul_precision()) == (before, "highest")


def test_the_machine_is_measured_by_kind_of_product() -> None:
    bench = measure_machine(rounds=1)
    assert [str(setup) for setup in bench.gflops][:2] == ["fp32, 1 thread", "fp32, 1 thread, products by oneDNN"]
    assert "GFLOP/s" in bench.to_text()
    assert bench.to_json()["threads"] == cores()


def test_info_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--bench", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["bench"]["gflops"]["fp32, 1 thread"] > 0


def test_a_run_writes_down_what_was_chosen_and_is_found_and_repeated_by_it(
    tmp_path: Path, fsdd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASRTRAIN_CACHE", str(tmp_path / "cache"))
    config = tmp_path / "words.yaml"
    config.write_text(WORDS.format(folder=tmp_path, fsdd=fsdd), encoding="utf-8")
    run = fit(config, overrides=["training.max_steps=2"])
    chosen = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    assert chosen["performance"]["name"] == "fixed"
    assert chosen["performance"]["threads"] >= 1
    assert chosen["training"]["precision"] in ("fp32", "bf16")
    weights = (run / "checkpoints" / "last" / "model.safetensors").read_bytes()
    again = fit(run / "config.yaml", output=tmp_path / "again")
    assert (again / "checkpoints" / "last" / "model.safetensors").read_bytes() == weights
    # A run that was stopped is found again, though its configuration says what auto has chosen.
    (run / "outcome.json").unlink()
    assert fit(config, overrides=["training.max_steps=2"]) == run


def test_what_only_fit_measures_is_refused_elsewhere(tmp_path: Path, fsdd: Path) -> None:
    config = tmp_path / "words.yaml"
    config.write_text(WORDS.format(folder=tmp_path, fsdd=fsdd), encoding="utf-8")
    with pytest.raises(UsageError, match=r"performance: auto .*config.yaml"):
        _ = load_settings(config, [], None).fixed_performance


@pytest.mark.parametrize(
    ("prelude", "variable", "expected"),
    [("", "", "keep"), ("", "system", "system"), ("import torch;", "", "system")],
)
def test_the_allocator_is_chosen_before_torch_or_not_at_all(prelude: str, variable: str, expected: str) -> None:
    code = f"{prelude}from asrtrain.allocator import choose_allocator; print(choose_allocator())"
    environment = os.environ | {"ASRTRAIN_ALLOCATOR": variable}
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment)
    assert told.stdout.strip() == (expected if sys.platform == "linux" else "system")


def test_an_allocator_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASRTRAIN_ALLOCATOR", "jemalloc")
    assert main(["info"]) == 2
