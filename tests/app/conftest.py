"""A small run on real speech, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from asrtrain.app import fit

WORDS = """\
seed: 3
output_dir: {folder}/runs
data:
  train: {{name: fsdd, folder: {fsdd}, split: train, speakers: [theo, jackson]}}
  test: {{name: fsdd, folder: {fsdd}, split: test, speakers: [theo, jackson]}}
features: {{name: mfcc, sample_rate: 8000}}
model: {{name: softmax, frames: 12}}
optimizer: {{name: adamw, lr: 1.0e-2}}
schedule: {{name: one_cycle}}
clipping: {{name: norm, threshold: 1.0}}
training: {{max_epochs: 3, batch_size: 64, average: 2}}
"""

STRINGS = """\
seed: 3
output_dir: {folder}/runs
data:
  train: {{name: digit_strings, count: 60, min_words: 1, max_words: 2, of: {{name: fsdd, folder: {fsdd}, split: train, speakers: [theo]}}}}
  test: {{name: digit_strings, count: 12, seed: 1, of: {{name: fsdd, folder: {fsdd}, split: test, speakers: [theo]}}}}
  unit: word
features: {{name: mfcc, sample_rate: 8000, stack: 3}}
model: {{name: lstm, hidden_size: 48, bidirectional: true}}
objective: ctc
optimizer: {{name: adamw, lr: 1.0e-2}}
clipping: {{name: value, threshold: 1.0}}
training: {{max_epochs: 12, batch_size: 8}}
"""  # noqa: E501


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings read once for all tests of this folder."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASRTRAIN_CACHE", str(cache))


def write_config(folder: Path, fsdd: Path, text: str, name: str = "words.yaml") -> Path:
    path = folder / name
    path.write_text(text.format(folder=folder, fsdd=fsdd), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, fsdd: Path, cache: Path) -> Path:
    """The run folder of a trained classifier of words; nobody changes it."""
    folder = tmp_path_factory.mktemp("words")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASRTRAIN_CACHE", str(cache))
        return fit(write_config(folder, fsdd, WORDS))


@pytest.fixture(scope="session")
def transcriber(tmp_path_factory: pytest.TempPathFactory, fsdd: Path, cache: Path) -> Path:
    """The run folder of a trained transcriber of digit strings; nobody changes it."""
    folder = tmp_path_factory.mktemp("strings")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASRTRAIN_CACHE", str(cache))
        return fit(write_config(folder, fsdd, STRINGS, "strings.yaml"))
