"""Triphones with tied states as runs: trained, stopped and taken up, scored, used, aligned; and a hybrid of them."""

from __future__ import annotations

import json
import math
import os
import signal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hmm_cases import PHONES
from tests.hmm.conftest import STRINGS, WORDS, trained_run

from asrtrain.app import align, evaluate, fit, transcribe
from asrtrain.app.trained import load_system
from asrtrain.errors import Interrupted, UsageError
from asrtrain.hmm.baum_welch import BaumWelch
from asrtrain.hmm.interface import HMMHead
from asrtrain.hmm.word_models import WordModels

TRIPHONES = (
    "unit: phone, lexicon: {lexicon}, context: triphone, states: 3, silence_states: 2, "
    "tree: {{min_gain: 50, min_occupancy: 20}}"
)


@pytest.fixture(scope="module")
def lexicon(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lexicon") / "digits.txt"
    path.write_text(PHONES, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def triphone_run(tmp_path_factory: pytest.TempPathFactory, lexicon: Path, fsdd: Path, hmm_cache: Path) -> Path:
    """The run folder of a recogniser of digit strings in triphones; nobody changes it."""
    text = STRINGS.replace("states: 6, silence_states: 2", TRIPHONES.replace("{lexicon}", str(lexicon)))
    return trained_run(tmp_path_factory.mktemp("hmm-triphones"), fsdd, hmm_cache, text)


def words_of(run: Path, checkpoint: Any = "last") -> WordModels:
    head = load_system(run, checkpoint, "cpu").model.head
    assert isinstance(head, HMMHead)
    return head.words


def likelihoods(run: Path) -> list[float]:
    rows = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [-row["train_loss"] for row in rows if row["kind"] == "epoch" and row["train_loss"] is not None]


def weights(run: Path) -> bytes:
    return (run / "checkpoints" / "last" / "model.safetensors").read_bytes()


def test_connected_words(triphone_run: Path, fsdd: Path) -> None:
    assert evaluate(triphone_run).words.rate < 0.1
    (string,) = transcribe([fsdd / "7_theo_1.wav"], run=triphone_run)
    assert string.hypothesis.text == "seven"


def test_states_are_those_of_the_tree(triphone_run: Path) -> None:
    words = words_of(triphone_run)
    assert words.tying is not None
    monophones = max(words.inventory.monophones) + 1
    assert monophones < words.used <= words.distributions <= words.inventory.states
    assert words.occupancy[: words.used].min() > 0
    assert not words.occupancy[words.used :].any()
    places = dict(zip(words.inventory.names, words.tying.tolist(), strict=True))
    # An "n" that begins a word, one after a short vowel, one after a diphthong.
    assert len({places["n+ay.0"], places["ah-n.0"], places["ay-n.0"]}) > 1


def test_alignments_are_in_phones_and_their_states_in_triphones(triphone_run: Path, tmp_path: Path) -> None:
    (path,) = align(triphone_run, output=tmp_path, text_format="jsonl", device="cpu")
    phones = {line.split()[0]: line.split()[1:] for line in PHONES.splitlines()}
    for row in map(json.loads, path.read_text().splitlines()):
        said = [one["label"] for one in row["words"] if one["label"] != "<sil>"]
        assert [one["label"] for one in row["units"] if one["label"] != "<sil>"] == [
            phone for word in said for phone in phones[word]
        ]
        assert all(before["end"] == after["start"] for before, after in pairwise(row["states"]))
        if "one" in said:
            assert {"w+ah.0", "w-ah+n.2", "ah-n.1"} <= {one["label"] for one in row["states"]}


@pytest.mark.parametrize("stopped", [3, 4])
def test_a_stopped_run_is_taken_up_and_ends_as_if_nothing_had_happened(
    stopped: int, triphone_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped before the pass that grows the tree, the fifth, or right after it."""
    own = BaumWelch.run_pass

    def interrupted(self: BaumWelch, number: int) -> float:
        if number == stopped:
            os.kill(os.getpid(), signal.SIGTERM)
        return own(self, number)

    with monkeypatch.context() as patch:
        patch.setattr(BaumWelch, "run_pass", interrupted)
        with pytest.raises(Interrupted, match=f"saved after epoch {stopped + 1}"):
            fit(triphone_run / "config.yaml", output=tmp_path / "run")
    before = max(words_of(triphone_run).inventory.monophones) + 1
    assert (words_of(tmp_path / "run").used > before) == (stopped == 4)
    fit(triphone_run / "config.yaml", output=tmp_path / "run")
    assert weights(tmp_path / "run") == weights(triphone_run)
    assert likelihoods(tmp_path / "run") == likelihoods(triphone_run)


@pytest.mark.slow
@pytest.mark.parametrize("covariance", ["diagonal", "full"])
def test_the_likelihood_does_not_fall_when_states_are_tied(covariance: str, triphone_run: Path, tmp_path: Path) -> None:
    """One Gaussian a state: the tree gives each phone's frames more of them."""
    overrides = ["model.mixtures=1", f"model.covariance={covariance}", "training.max_epochs=5"]
    run = fit(triphone_run / "config.yaml", overrides=overrides, output=tmp_path / "run")
    found = likelihoods(run)
    assert all(after >= before - 1e-5 * abs(before) for before, after in pairwise(found))
    monophones = fit(
        triphone_run / "config.yaml", overrides=[*overrides, "model.context=mono"], output=tmp_path / "monophones"
    )
    assert found[:2] == likelihoods(monophones)[:2]
    assert found[-1] > likelihoods(monophones)[-1] + 0.1


def test_single_words_in_characters(fsdd: Path, hmm_cache: Path, tmp_path: Path) -> None:
    text = WORDS.replace("states: 5", "unit: char, context: triphone, states: 2, tree: {{min_occupancy: 50}}")
    run = trained_run(tmp_path, fsdd, hmm_cache, text)
    assert evaluate(run).accuracy > 0.9
    words = words_of(run)
    assert words.used > max(words.inventory.monophones) + 1
    assert not math.isnan(float(words.transitions.sum()))


def test_a_hybrid_of_triphones(triphone_run: Path, lexicon: Path, fsdd: Path, hmm_cache: Path, tmp_path: Path) -> None:
    triphones = TRIPHONES.replace("{lexicon}", str(lexicon)).split(", tree")[0]
    network = "acoustic: {{name: mlp, hidden_sizes: [64], context: 3, dropout: 0.1}}"
    text = STRINGS.split("model:")[0] + (
        f"model: {{{{name: dnn_hmm, align_from: {triphone_run}, {triphones}, {network}}}}}\n"
        "optimizer: {{name: adamw, lr: 0.01}}\ntraining: {{max_epochs: 4, batch_size: 8}}\n"
    )
    run = trained_run(tmp_path, fsdd, hmm_cache, text)
    assert evaluate(run).words.rate < 0.3
    ours, theirs = words_of(run, "best"), words_of(triphone_run, "best")
    assert ours.tying is not None
    assert theirs.tying is not None
    assert torch.equal(ours.tying, theirs.tying)
    with pytest.raises(UsageError, match=r"has other states .* context, max_states"):
        fit(run / "config.yaml", overrides=["model.max_states=60"], dry_run=True)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["model.unit=word", "model.lexicon=null"], "context: triphone is for unit: phone or char"),
        (["model.max_states=20"], "max_states: 20 are fewer than the units have without their neighbours, 57: give"),
        (["training.max_epochs=4"], "too few to reach 2 components twice, without context and with it: give 5"),
    ],
)
def test_what_cannot_be_meant(triphone_run: Path, overrides: list[str], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        fit(triphone_run / "config.yaml", overrides=overrides, dry_run=True)
