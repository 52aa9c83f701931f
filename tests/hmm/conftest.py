"""Small GMM-HMMs trained on real speech, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from asrtrain.app import fit

WORDS = """\
seed: 0
output_dir: {folder}/runs
data:
  train: {{name: fsdd, folder: {fsdd}, split: train, speakers: [theo, jackson]}}
  test: {{name: fsdd, folder: {fsdd}, split: test, speakers: [theo, jackson]}}
  unit: label
features: {{name: mfcc, sample_rate: 8000, deltas: 1, normalise: global}}
model: {{name: gmm_hmm, states: 5, mixtures: 2}}
training: {{max_epochs: 5, batch_size: 128}}
"""

STRINGS = """\
seed: 0
output_dir: {folder}/runs
data:
  train: {{name: digit_strings, count: 80, min_words: 2, max_words: 4, of: {{name: fsdd, folder: {fsdd}, split: train, speakers: [theo]}}}}
  test: {{name: digit_strings, count: 20, seed: 1, of: {{name: fsdd, folder: {fsdd}, split: test, speakers: [theo]}}}}
  unit: word
features: {{name: mfcc, sample_rate: 8000, deltas: 1, normalise: global}}
model: {{name: gmm_hmm, states: 6, silence_states: 2, mixtures: 2}}
training: {{max_epochs: 8, batch_size: 40}}
"""  # noqa: E501


@pytest.fixture(scope="session")
def hmm_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings read once for all tests of this folder."""
    return tmp_path_factory.mktemp("hmm-cache")


@pytest.fixture(autouse=True)
def _own_cache(hmm_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASRTRAIN_CACHE", str(hmm_cache))


def trained_run(folder: Path, fsdd: Path, cache: Path, text: str) -> Path:
    config = folder / "config.yaml"
    config.write_text(text.format(folder=folder, fsdd=fsdd), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASRTRAIN_CACHE", str(cache))
        return fit(config)


@pytest.fixture(scope="session")
def word_run(tmp_path_factory: pytest.TempPathFactory, fsdd: Path, hmm_cache: Path) -> Path:
    """The run folder of a classifier of words; nobody changes it."""
    return trained_run(tmp_path_factory.mktemp("hmm-words"), fsdd, hmm_cache, WORDS)


@pytest.fixture(scope="session")
def string_run(tmp_path_factory: pytest.TempPathFactory, fsdd: Path, hmm_cache: Path) -> Path:
    """The run folder of a recogniser of digit strings; nobody changes it."""
    return trained_run(tmp_path_factory.mktemp("hmm-strings"), fsdd, hmm_cache, STRINGS)
