"""The attention decoder: its loss is that of its steps, and all commands work with it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tests.recognisers import recogniser

from asrtrain.app import evaluate, explain, fit, report, transcribe
from asrtrain.errors import UsageError
from asrtrain.training.checkpoint import load_tensors
from asrtrain.types import Batch, Targets

CONFIG = """\
seed: 3
output_dir: {folder}/runs
data:
  train: {{name: fsdd, folder: {fsdd}, split: train, speakers: [theo, jackson]}}
  test: {{name: fsdd, folder: {fsdd}, split: test, speakers: [theo, jackson]}}
  held_out: {{by: hash, fraction: 0.1}}
  unit: char
features: {{name: mfcc, sample_rate: 8000, stack: 2}}
model: {{name: lstm, hidden_size: 48, bidirectional: true, dropout: 0.1}}
objective: {{name: attention, hidden_size: 48, attention_size: 32, width: 2}}
optimizer: {{name: adamw, lr: 5.0e-3}}
clipping: {{name: norm, threshold: 1.0}}
training: {{max_epochs: 4, batch_size: 32}}
"""


@pytest.fixture(scope="module")
def config(fsdd: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("attention")
    (folder / "las.yaml").write_text(CONFIG.format(folder=folder, fsdd=fsdd), encoding="utf-8")
    return folder / "las.yaml"


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One cache for all: recordings are read once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASRTRAIN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def run(config: Path, _cache: None) -> Path:
    return fit(config)


def batch(said: list[list[int]], frames: list[int], seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(len(said), max(frames), 5, generator=generator)
    values = torch.zeros(len(said), max(map(len, said)), dtype=torch.int64)
    for row, symbols in enumerate(said):
        values[row, : len(symbols)] = torch.tensor(symbols, dtype=torch.int64)
    targets = Targets(values, torch.tensor([len(symbols) for symbols in said]))
    return Batch(tuple(map(str, range(len(said)))), features, torch.tensor(frames), {"char": targets})


def test_the_loss_is_the_sum_of_what_each_step_of_the_search_gives() -> None:
    torch.manual_seed(0)
    model = recogniser("gru", 5, 6, head="attention").eval()
    model.head._smoothing = 0.0
    spoken = batch([[2, 3, 3], [1], []], [9, 4, 6])
    frames = model.encode(spoken)
    losses = model.losses(frames, spoken).per_utterance.tolist()
    scorer = model.head.scorer(frames)
    for row, symbols in enumerate([[2, 3, 3], [1], []]):
        rows, before, total = torch.tensor([row]), None, 0.0
        state = scorer.begin(rows)
        for label in [*symbols, scorer.end]:
            logs, looked_at, state = scorer.step(rows, before, state)
            assert torch.allclose(logs.exp().sum(1), torch.ones(1))
            assert 0 <= int(looked_at) < int(frames.lengths[row])
            total -= float(logs[0, label].detach())
            before = torch.tensor([label])
        assert losses[row] == pytest.approx(total, rel=1e-5)


def test_it_says_that_it_is_not_exported() -> None:
    with pytest.raises(UsageError, match="objective attention scores one label after the other, and cannot be"):
        recogniser("gru", 5, 6, head="attention").exported()


def test_it_learns_to_spell_and_every_command_knows_it(run: Path, fsdd: Path) -> None:
    scored = evaluate(run)
    assert scored.words.rate < 0.3
    (heard,) = transcribe([fsdd / "7_theo_0.wav"], run=run)
    assert heard.hypothesis.text
    assert all(0 <= word.start < word.end <= heard.duration for word in heard.hypothesis.words)
    explanation = explain(run, step=5)
    assert explanation.repeats
    assert {"heads.attention", "heads.attention.decoder.cell"} <= {module.name for module in explanation.modules}
    assert json.loads(next((run / "results").glob("test*.json")).read_text())["search"] == {
        "name": "labels",
        "width": 2,
    }
    assert "attention" in report([run], output=run / "report.html").read_text()


def test_a_stopped_run_goes_on_to_the_bit(run: Path, config: Path, tmp_path: Path) -> None:
    stopped = Path(shutil.copytree(run, tmp_path / "run", symlinks=True))
    newest = max((stopped / "checkpoints").glob("last-*"))
    expected = load_tensors(newest)[0]
    shutil.rmtree(newest)
    (stopped / "outcome.json").unlink()
    fit(config, output=stopped)
    assert newest.is_dir()
    found = load_tensors(newest)[0]
    assert found.keys() == expected.keys()
    assert all(torch.equal(tensor, found[name]) for name, tensor in expected.items())


@pytest.mark.slow
def test_two_processes_make_the_run_that_one_makes(run: Path, config: Path, tmp_path: Path) -> None:
    together = fit(config, nproc=2, output=tmp_path / "run", overrides=["model.dropout=0.0"])
    alone = fit(config, output=tmp_path / "alone", overrides=["model.dropout=0.0"])
    ours, theirs = (load_tensors(folder / "checkpoints" / "last")[0] for folder in (together, alone))
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, theirs[name], rtol=1e-3, atol=1e-4)
