"""Hybrids as runs: trained on another run's alignment, stopped and taken up, scored, used, aligned anew."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from asrtrain.app import calibrate, evaluate, explain, fit, transcribe
from asrtrain.app.fit import prepare
from asrtrain.app.ingredients import gather_ingredients
from asrtrain.app.trained import load_recogniser
from asrtrain.assembly import cache_folder
from asrtrain.assembly_hmm import align
from asrtrain.config import load_config
from asrtrain.errors import Interrupted, UsageError
from asrtrain.hmm import DNNHMM
from asrtrain.hmm.frame_cross_entropy import FrameCrossEntropy
from asrtrain.run_config import RunConfig
from asrtrain.training.step import Updater
from asrtrain.types import Batch, Scores


def weights(run: Path) -> bytes:
    return (run / "checkpoints" / "last" / "model.safetensors").read_bytes()


def test_single_words(word_hybrid: Path, fsdd: Path) -> None:
    report = evaluate(word_hybrid)
    assert report.accuracy > 0.95
    (word,) = transcribe([fsdd / "7_theo_1.wav"], run=word_hybrid)
    assert word.hypothesis.text == "seven"


def test_connected_words(string_hybrid: Path, fsdd: Path) -> None:
    assert evaluate(string_hybrid).words.rate < 0.25
    (string,) = transcribe([fsdd / "7_theo_1.wav"], run=string_hybrid)
    assert string.hypothesis.text == "seven"
    assert 0 < string.hypothesis.words[0].confidence <= 1


def test_the_search_is_tuned_in_the_weights_that_are_kept(string_hybrid: Path) -> None:
    model = load_recogniser(string_hybrid, "best", "cpu").model
    assert isinstance(model, DNNHMM)
    assert float(model.words.insertion_penalty) > 0


def test_priors_and_transitions_are_those_of_the_alignment(word_hybrid: Path, word_run: Path) -> None:
    hybrid_model, aligner = load_recogniser(word_hybrid, "best", "cpu").model, load_recogniser(word_run, "best", "cpu")
    assert isinstance(hybrid_model, DNNHMM)
    utterances = aligner.config.data.load(cache_folder()).train
    states = torch.cat(list(align(aligner, utterances).values()))
    counts = torch.bincount(states, minlength=hybrid_model.words.inventory.states)
    assert torch.equal(hybrid_model.words.occupancy, counts.double())
    features, lengths = torch.randn(2, 9, hybrid_model.network.window.output_size // 7), torch.tensor([9, 5])
    network = hybrid_model.eval().network(features, lengths).logits.double()
    emissions = hybrid_model.emissions(features, lengths)
    posteriors = (emissions + ((counts + 1) / (counts + 1).sum()).log()).exp()
    assert torch.allclose(posteriors, network.softmax(2), atol=1e-6)


def test_a_stopped_run_is_taken_up_and_ends_as_if_nothing_had_happened(
    word_hybrid: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Updater.__call__

    def interrupted(
        self: Updater, window: list[Batch], *, step: int, epoch: int, meanwhile: Callable[[], None]
    ) -> object:
        if step == 40:
            os.kill(os.getpid(), signal.SIGTERM)
        return own(self, window, step=step, epoch=epoch, meanwhile=meanwhile)

    with monkeypatch.context() as patch:
        patch.setattr(Updater, "__call__", interrupted)
        with pytest.raises(Interrupted, match="step 40"):
            fit(word_hybrid / "config.yaml", output=tmp_path / "run")
    fit(word_hybrid / "config.yaml", output=tmp_path / "run")
    assert weights(tmp_path / "run") == weights(word_hybrid)


def test_a_hybrid_aligns_for_the_next_which_may_begin_with_its_weights(word_hybrid: Path, tmp_path: Path) -> None:
    again = fit(
        word_hybrid / "config.yaml",
        overrides=[
            f"model.align_from={word_hybrid}",
            f"model.start_from={word_hybrid}",
            "training.max_epochs=1",
            "training.average=1",
            "training.ema=0.9",
        ],
        output=tmp_path / "run",
    )
    assert evaluate(again).accuracy > 0.9
    assert evaluate(again, checkpoint="average").accuracy > 0.9


def test_a_run_begins_with_the_weights_that_it_is_told_to(word_hybrid: Path) -> None:
    settings = load_config(word_hybrid / "config.yaml", RunConfig, [f"model.start_from={word_hybrid}", "seed=5"])
    splits = settings.data.load(cache_folder())
    begun = gather_ingredients(prepare(settings, splits, torch.device("cpu")), splits).model.state_dict()
    before = load_recogniser(word_hybrid, "best", "cpu").model.state_dict()
    assert all(torch.equal(begun[name], before[name]) for name in before if name.startswith("network."))


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["model.start_from={word_run}"], "gmm_hmm is no hybrid"),
        (["model.start_from={word_hybrid}", "features.deltas=2"], "other features"),
        (["model.start_from={word_hybrid}", "model.acoustic={{name: mlp, context: 2}}"], "another model.acoustic"),
    ],
)
def test_weights_that_would_mean_nothing_here(
    word_run: Path, word_hybrid: Path, overrides: list[str], sentence: str
) -> None:
    named = [override.format(word_run=word_run, word_hybrid=word_hybrid) for override in overrides]
    with pytest.raises(UsageError, match=sentence):
        fit(word_hybrid / "config.yaml", overrides=named, dry_run=True)


def test_gradients_are_calibrated_and_explained_as_for_any_network(word_hybrid: Path) -> None:
    assert calibrate(word_hybrid / "config.yaml", steps=4, device="cpu").to_text()
    explanation = explain(word_hybrid, step=2, device="cpu")
    assert explanation.to_text()


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["model.acoustic={name: cnn}"], r"model\.acoustic cnn scores 25 of 97 frames"),
        (["model.states=4"], "has other states"),
        (["features.frame_shift=8"], "another features.frame_shift"),
        (["augmentation.shift={}"], r"augmentation\.shift moves speech in time"),
        (["objective={name: cross_entropy, label_smoothing: 0.1}"], "an objective of its own"),
        (
            ["model.acoustic={name: lstm, bidirectional: true}", "clipping={name: truncate, of: bptt, frames: 10}"],
            "truncates backpropagation",
        ),
    ],
)
def test_what_cannot_be_meant(word_hybrid: Path, overrides: list[str], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        fit(word_hybrid / "config.yaml", overrides=overrides, dry_run=True)


def test_a_convolutional_network_that_keeps_its_frames(word_hybrid: Path, tmp_path: Path) -> None:
    network = "model.acoustic={name: cnn, channels: [4, 4], halve_time: 0, hidden_size: 32}"
    run = fit(
        word_hybrid / "config.yaml",
        overrides=[network, "training.max_epochs=1", "augmentation.speed=[0.9, 1.1]"],
        output=tmp_path / "run",
    )
    assert evaluate(run).accuracy > 0.25


def frames(*ids: str, lengths: list[int]) -> tuple[Scores, Batch]:
    logits = torch.randn(len(ids), max(lengths), 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    counts = torch.tensor(lengths)
    targets = torch.zeros(len(ids), dtype=torch.int64)
    return Scores(logits, counts), Batch(ids, torch.zeros(len(ids), max(lengths), 1), counts, targets, targets + 1)


def test_frame_cross_entropy_is_the_mean_over_real_frames() -> None:
    scores, batch = frames("a", "b", lengths=[4, 2])
    losses = FrameCrossEntropy({"a": torch.tensor([0, 1, 1, 2]), "b": torch.tensor([2, 0])})(scores, batch)
    logs = scores.logits.log_softmax(2)
    assert losses.per_utterance[1].item() == pytest.approx(-(logs[1, 0, 2] + logs[1, 1, 0]).item() / 2)
    losses.per_utterance.sum().backward()
    assert scores.logits.grad is not None
    assert not scores.logits.grad[1, 2:].any()


def test_frames_are_stretched_with_the_speech_and_those_without_states_do_not_count() -> None:
    scores, batch = frames("a", "b", "c", lengths=[4, 4, 4])
    losses = FrameCrossEntropy({"a": torch.tensor([0, 2]), "b": torch.tensor([-1, -1, -1, -1])})(scores, batch)
    logs = scores.logits.log_softmax(2)[0]
    expected = -(logs[0, 0] + logs[1, 0] + logs[2, 2] + logs[3, 2]).item() / 4
    assert losses.per_utterance[0].item() == pytest.approx(expected)
    assert losses.counted.tolist() == [True, False, False]
    assert losses.per_utterance[1:].tolist() == [0.0, 0.0]
    losses.per_utterance.sum().backward()
    assert scores.logits.grad is not None
    assert math.isfinite(float(scores.logits.grad.sum()))
    assert not scores.logits.grad[1:].any()


def test_shipped_configurations_have_the_states_of_the_gmms_that_align_for_them() -> None:
    folder = Path(__file__).parents[2] / "configs"
    for hybrid_name, aligner_name in (("fsdd_dnn_hmm", "fsdd_gmm_hmm"), ("digits_lstm_hmm", "digits_gmm_hmm")):
        ours, theirs = (load_config(folder / f"{name}.yaml", RunConfig) for name in (hybrid_name, aligner_name))
        for key in ("unit", "states", "silence_states", "skip", "pause", "short_pause"):
            assert getattr(ours.model, key) == getattr(theirs.model, key)
        assert ours.data == theirs.data
