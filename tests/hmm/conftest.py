"""Small GMM-HMMs trained on real speech, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from asrtrain.app import fit
from asrtrain.data.digits import digit_label
from asrtrain.data.formats.kaldi import write_kaldi
from asrtrain.data.manifest import read_manifest

LEXICON = Path(__file__).parents[2] / "configs" / "lexicons" / "speechocean762.txt"

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


SENTENCES = """\
seed: 0
output_dir: {folder}/runs
data:
  train: {{name: manifest, path: {corpus}, split: train, test_part: {{by: speaker, fraction: 0.2}}}}
  test: {{name: manifest, path: {corpus}, split: test, test_part: {{by: speaker, fraction: 0.2}}}}
  held_out: {{by: speaker, fraction: 0.1}}
  unit: word
features: {{name: mfcc, sample_rate: 16000, frame_shift: 20, deltas: 1, normalise: speaker}}
model:
  name: gmm_hmm
  unit: phone
  lexicon: {lexicon}
  states: 2
  silence_states: 2
  mixtures: 2
  acoustic_scale: 1.0
  language_model: bigram
training: {{max_epochs: 6, batch_size: 40}}
"""


@pytest.fixture(scope="session")
def few_sentences(tmp_path_factory: pytest.TempPathFactory, corpora: Path) -> Path:
    """A Kaldi directory of the sentences of speechocean762 that are strings of digits, read by many children."""
    folder = tmp_path_factory.mktemp("few-sentences")
    utterances = read_manifest(corpora / "speechocean762-train")
    digits = {digit_label(digit, "words").upper() for digit in range(10)}
    write_kaldi([u for u in utterances if digits.issuperset(u.text.split())], folder)
    return folder


@pytest.fixture(scope="session")
def sentence_run(tmp_path_factory: pytest.TempPathFactory, few_sentences: Path, hmm_cache: Path) -> Path:
    """The run folder of a recogniser of sentences by phones, with a bigram; nobody changes it."""
    text = SENTENCES.replace("{corpus}", str(few_sentences)).replace("{lexicon}", str(LEXICON))
    return trained_run(tmp_path_factory.mktemp("hmm-sentences"), few_sentences, hmm_cache, text)


def hybrid(text: str, aligner: Path, network: str, epochs: int) -> str:
    """The configuration of a GMM-HMM, with a network in the place of the mixtures."""
    lines = [line for line in text.splitlines() if not line.startswith(("model", "training"))]
    states = "states: 5" if text is WORDS else "states: 6, silence_states: 2"
    return "\n".join(
        [
            *lines,
            f"model: {{{{name: dnn_hmm, {states}, align_from: {aligner}, acoustic: {{{{{network}}}}}}}}}",
            "optimizer: {{name: adamw, lr: 4.0e-3}}",
            f"training: {{{{max_epochs: {epochs}, batch_size: 16}}}}",
        ]
    )


@pytest.fixture(scope="session")
def word_hybrid(tmp_path_factory: pytest.TempPathFactory, fsdd: Path, hmm_cache: Path, word_run: Path) -> Path:
    """The run folder of a perceptron over the states of single words; nobody changes it."""
    text = hybrid(WORDS, word_run, "name: mlp, hidden_sizes: [64], context: 3, dropout: 0.1", 3)
    return trained_run(tmp_path_factory.mktemp("hybrid-words"), fsdd, hmm_cache, text)


@pytest.fixture(scope="session")
def string_hybrid(tmp_path_factory: pytest.TempPathFactory, fsdd: Path, hmm_cache: Path, string_run: Path) -> Path:
    """The run folder of a recurrent network over the states of strings; nobody changes it."""
    text = hybrid(STRINGS, string_run, "name: lstm, hidden_size: 32, bidirectional: true", 8)
    return trained_run(tmp_path_factory.mktemp("hybrid-strings"), fsdd, hmm_cache, text)
