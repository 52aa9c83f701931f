"""Small runs on real speech, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from asrtrain.app import evaluate, fit

WORDS = """\
seed: 3
data:
  train: {{name: fsdd, folder: {fsdd}, split: train, speakers: [theo, jackson]}}
  test: {{name: fsdd, folder: {fsdd}, split: test, speakers: [theo, jackson]}}
features: {{name: mfcc, sample_rate: 8000}}
model: {{name: softmax, frames: 12}}
optimizer: {{name: adamw, lr: 1.0e-2}}
clipping: {{name: norm, threshold: 1.0}}
training: {{max_epochs: 2, batch_size: 64}}
"""

STRINGS = """\
seed: 3
data:
  train: {{name: digit_strings, count: 60, min_words: 1, max_words: 2, of: {{name: fsdd, folder: {fsdd}, split: train, speakers: [theo]}}}}
  test: {{name: digit_strings, count: 12, seed: 1, of: {{name: fsdd, folder: {fsdd}, split: test, speakers: [theo]}}}}
  unit: word
features: {{name: mfcc, sample_rate: 8000, stack: 3}}
model: {{name: lstm, hidden_size: 32, bidirectional: true}}
objective: ctc
optimizer: {{name: adamw, lr: 1.0e-2}}
clipping: {{name: value, threshold: 1.0}}
training: {{max_epochs: 6, batch_size: 8}}
"""  # noqa: E501


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings read once for all tests of this folder."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASRTRAIN_CACHE", str(cache))


def made(folder: Path, text: str, fsdd: Path, cache: Path) -> Path:
    """The folder of a trained and scored run."""
    config = folder / "config.yaml"
    config.write_text(text.format(fsdd=fsdd) + f"output_dir: {folder}/runs\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASRTRAIN_CACHE", str(cache))
        run = fit(config, output=folder / folder.name)
        evaluate(run)
    return run


@pytest.fixture(scope="session")
def words(tmp_path_factory: pytest.TempPathFactory, fsdd: Path, cache: Path) -> Path:
    """The run folder of a classifier of words; nobody changes it."""
    return made(tmp_path_factory.mktemp("words"), WORDS, fsdd, cache)


@pytest.fixture(scope="session")
def strings(tmp_path_factory: pytest.TempPathFactory, fsdd: Path, cache: Path) -> Path:
    """The run folder of a transcriber of digit strings; nobody changes it."""
    return made(tmp_path_factory.mktemp("strings"), STRINGS, fsdd, cache)
