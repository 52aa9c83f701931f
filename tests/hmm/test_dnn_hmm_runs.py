"""Hybrids as runs: trained on another run's alignment, stopped and taken up, scored, used, aligned anew."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tests.hmm.hmm_cases import aligned

from asrtrain.app import calibrate, evaluate, explain, fit, transcribe
from asrtrain.app.fit import prepare
from asrtrain.app.trained import gather_ingredients, load_system
from asrtrain.assembly import align_states, cache_folder
from asrtrain.config import load_config
from asrtrain.errors import Interrupted, UsageError
from asrtrain.hmm.dnn_hmm import HybridHead
from asrtrain.hmm.frame_cross_entropy import frame_cross_entropy
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
    head = load_system(string_hybrid, "best", "cpu").model.head
    assert isinstance(head, HybridHead)
    assert float(head.words.insertion_penalty) > 0


def test_priors_and_transitions_are_those_of_the_alignment(word_hybrid: Path, word_run: Path) -> None:
    model, aligner = load_system(word_hybrid, "best", "cpu").model.eval(), load_system(word_run, "best", "cpu")
    assert isinstance(model.head, HybridHead)
    utterances = aligner.config.data.load(cache_folder()).train
    states = torch.cat(list(align_states(aligner, utterances).values()))
    counts = torch.bincount(states, minlength=model.head.words.inventory.states)
    assert torch.equal(model.head.words.occupancy, counts.double())
    features = torch.randn(2, 9, aligner.front_end.feature_size)
    frames = model.encode(Batch(("a", "b"), features, torch.tensor([9, 5])))
    network, emissions = model.head.output(frames).logits.double(), model.head.emissions(frames)
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
    before = load_system(word_hybrid, "best", "cpu").model.state_dict()
    network = [name for name in before if ".words." not in name]
    assert len(network) == 4
    assert all(torch.equal(begun[name], before[name]) for name in network)


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
        (["model.acoustic={name: cnn}"], r"model\.acoustic cnn scores one of 4 frames"),
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


def spoken(lengths: dict[str, int], states: dict[str, list[int]]) -> tuple[Scores, Batch]:
    """Scores of three states, and the aligned states of some utterances."""
    size = len(lengths), max(lengths.values())
    logits = torch.randn(*size, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    ids, frames = tuple(lengths), torch.tensor(list(lengths.values()))
    return Scores(logits, frames), Batch(ids, torch.zeros(*size, 1), frames, given=aligned(ids, states))


def test_frame_cross_entropy_is_the_mean_over_real_frames() -> None:
    scores, batch = spoken({"a": 4, "b": 2}, {"a": [0, 1, 1, 2], "b": [2, 0]})
    losses = frame_cross_entropy(scores, batch)
    logs = scores.logits.log_softmax(2)
    assert losses.per_utterance[1].item() == pytest.approx(-(logs[1, 0, 2] + logs[1, 1, 0]).item() / 2)
    losses.per_utterance.sum().backward()
    assert scores.logits.grad is not None
    assert not scores.logits.grad[1, 2:].any()


def test_frames_are_stretched_with_the_speech_and_those_without_states_do_not_count() -> None:
    scores, batch = spoken({"a": 4, "b": 4, "c": 4}, {"a": [0, 2], "b": [-1, -1, -1, -1]})
    losses = frame_cross_entropy(scores, batch)
    logs = scores.logits.log_softmax(2)[0]
    expected = -(logs[0, 0] + logs[1, 0] + logs[2, 2] + logs[3, 2]).item() / 4
    assert losses.per_utterance[0].item() == pytest.approx(expected)
    assert losses.counted.tolist() == [True, False, False]
    assert losses.per_utterance[1:].tolist() == [0.0, 0.0]
    losses.per_utterance.sum().backward()
    assert scores.logits.grad is not None
    assert math.isfinite(float(scores.logits.grad.sum()))
    assert not scores.logits.grad[1:].any()


def test_a_batch_in_which_nothing_could_be_aligned() -> None:
    scores, batch = spoken({"a": 4, "b": 3}, {"b": [-1, -1, -1]})
    losses = frame_cross_entropy(scores, batch)
    losses.per_utterance.sum().backward()
    assert losses.per_utterance.tolist() == [0.0, 0.0]
    assert losses.counted.tolist() == [False, False]
    assert scores.logits.grad is not None
    assert not scores.logits.grad.any()


def test_shipped_configurations_have_the_states_of_the_gmms_that_align_for_them() -> None:
    folder = Path(__file__).parents[2] / "configs"
    for hybrid_name, aligner_name in (("fsdd_dnn_hmm", "fsdd_gmm_hmm"), ("digits_lstm_hmm", "digits_gmm_hmm")):
        ours, theirs = (load_config(folder / f"{name}.yaml", RunConfig) for name in (hybrid_name, aligner_name))
        for key in ("unit", "states", "silence_states", "skip", "pause", "short_pause"):
            assert getattr(ours.model, key) == getattr(theirs.model, key)
        assert ours.data == theirs.data
