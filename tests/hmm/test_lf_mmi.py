"""Lattice-free MMI: probabilities of all that can be said sum to one, and gradients are differences of posteriors."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Literal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.hmm.hmm_cases import aligned

from asrtrain.app import evaluate, fit
from asrtrain.app.trained import load_system
from asrtrain.assembly import cache_folder, development_dataset, ordered_loader
from asrtrain.data.vocabulary import BLANK, Vocabulary
from asrtrain.encoders import Top
from asrtrain.encoders.mlp import MLPConfig
from asrtrain.errors import UsageError
from asrtrain.heads.cross_entropy import CrossEntropyConfig
from asrtrain.hmm.dnn_hmm import DNNHMMConfig, HybridHead
from asrtrain.hmm.forward_backward import forward_score, posteriors
from asrtrain.hmm.frame_cross_entropy import frame_cross_entropy
from asrtrain.hmm.graph import Graph
from asrtrain.hmm.lf_mmi import LFMMI, LFMMIConfig
from asrtrain.hmm.likelihood import negative_log_likelihood
from asrtrain.hmm.unit_loop import unit_loop
from asrtrain.types import Batch, Frames, Part, Scores, Targets

Kind = Literal["word", "char", "triphone", "label"]


def hybrid(kind: Kind = "word", learnt: LFMMIConfig | None = None, **topology: object) -> HybridHead:
    """Strings of the words a and bb, those spelled in characters, or one of both; with random transitions and priors.
    The network is not asked: scores are given.
    """
    vocabulary = Vocabulary(("a", "bb"), "label") if kind == "label" else Vocabulary((BLANK, "a", "bb"), "word")
    parts = {"states": 2, "acoustic": MLPConfig(hidden_sizes=(2,))}
    if kind in ("char", "triphone"):
        parts |= {"unit": "char", "context": "mono" if kind == "char" else "triphone"}
    config = DNNHMMConfig.model_validate({"align_from": Path(), **parts, **topology})
    model = config.head(learnt or CrossEntropyConfig()).build(2, vocabulary, Top(), stride=1)
    assert isinstance(model, HybridHead)
    size, generator = model.words.distributions, torch.Generator().manual_seed(len(topology))
    ways = torch.rand(size, 3, generator=generator, dtype=torch.float64) + model.words.transitions.exp().gt(0) - 1
    model.words.transitions.copy_(ways.clamp(min=0).log().log_softmax(1).clamp(min=-1e30))
    model.words.occupancy.copy_(torch.randint(90, (size,), generator=generator))
    return model


def spoken(model: HybridHead, said: list[tuple[int, ...]], lengths: list[int], seed: int = 0) -> tuple[Scores, Batch]:
    """Random scores of the states, and what is said in them; the first utterance has been aligned."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(len(said), max(lengths), model.words.distributions, generator=generator, dtype=torch.float64)
    counts = torch.tensor([len(words) for words in said])
    targets = torch.zeros(len(said), int(counts.max()), dtype=torch.int64)
    for row, words in zip(targets, said, strict=True):
        row[: len(words)] = torch.tensor(words)
    ids, frames = tuple(map(str, range(len(said)))), torch.tensor(lengths)
    told = {model.tokens.unit: Targets(targets, counts)}
    states = aligned(ids, {"0": [0, 1, 2, 1]})
    batch = Batch(ids, torch.zeros(len(said), max(lengths), 2), frames, told, states)
    return Scores(logits.requires_grad_(), frames), batch


def losses_of(
    model: HybridHead, scores: Scores, batch: Batch, *, scale: float = 0.7, cross_entropy: float = 0.0
) -> Part:
    objective = LFMMI(
        model.words, LFMMIConfig(acoustic_scale=scale, cross_entropy=cross_entropy), classifies=model.classifies
    )
    labels = frame_cross_entropy(scores, batch)
    return objective(model.likelihoods(scores), scores.lengths, model.targets(batch), labels)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.booleans(), st.booleans())
def test_the_loop_is_the_sum_of_all_strings(seed: int, short_pause: bool, skip: bool) -> None:
    model = hybrid(short_pause=short_pause, skip=skip, states=3 if skip else 2)
    scores, _ = spoken(model, [(1,)], [7], seed)
    weight = math.log(0.3)
    strings = [words for count in range(1, 5) for words in itertools.product((1, 2), repeat=count)]
    each = [
        forward_score(model.words.graph([words]), scores.logits, scores.lengths) + len(words) * weight
        for words in strings
    ]
    loop = model.words.batched([unit_loop(model.words.inventory, weight)])
    total = forward_score(loop, scores.logits, scores.lengths)
    torch.testing.assert_close(torch.cat(each).logsumexp(0), total[0], rtol=0, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["word", "char", "triphone"]))
def test_losses_are_not_negative_and_gradients_are_differences_of_posteriors(seed: int, kind: Kind) -> None:
    model, said = hybrid(kind), [(2, 1), (1,)]
    scores, batch = spoken(model, said, [11, 6], seed)
    losses = losses_of(model, scores, batch, scale=0.7)
    assert losses.counted.all()
    assert (losses.per_utterance > -1e-9).all()
    losses.per_utterance.sum().backward()
    emissions = 0.7 * model.likelihoods(scores).detach()
    loop = unit_loop(model.words.inventory, -math.log(len(model.words.inventory.sizes) - 1))
    loops, own = model.words.batched([loop] * 2), model.words.graph(said)
    difference = occupied(loops, emissions, scores.lengths) - occupied(own, emissions, scores.lengths)
    expected = 0.7 * difference / scores.lengths[:, None, None]
    torch.testing.assert_close(scores.logits.grad, expected, rtol=0, atol=1e-9)
    assert not scores.logits.grad[1, 6:].any()


def occupied(graph: Graph, emissions: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """The posterior of each of the model's states in each frame."""
    found = posteriors(graph, emissions, lengths).states
    index = graph.emissions[:, None].expand_as(found)
    return torch.zeros_like(emissions).scatter_add_(2, index, found)


@pytest.mark.parametrize("kind", ["word", "char", "label"])
def test_gradients_are_those_of_finite_differences(kind: Kind) -> None:
    model = hybrid(kind)
    scores, batch = spoken(model, [(1,), (0,)] if kind == "label" else [(1, 1), (1,)], [5, 3])

    def losses(logits: torch.Tensor) -> torch.Tensor:
        return losses_of(model, Scores(logits, scores.lengths), batch, cross_entropy=0.3).per_utterance

    assert torch.autograd.gradcheck(losses, (scores.logits,))


def test_single_words_are_told_apart_from_each_other_alone() -> None:
    model = hybrid("label")
    scores, batch = spoken(model, [(1,), (0,)], [8, 5])
    totals = model.words.word_scores(0.7 * model.likelihoods(scores), scores.lengths)
    expected = torch.nn.functional.cross_entropy(totals, torch.tensor([1, 0]), reduction="none") / scores.lengths
    torch.testing.assert_close(losses_of(model, scores, batch).per_utterance, expected)


def test_cross_entropy_is_added_by_its_weight() -> None:
    model = hybrid()
    scores, batch = spoken(model, [(1,)], [4])
    labels = frame_cross_entropy(scores, batch).per_utterance
    alone = losses_of(model, scores, batch).per_utterance
    both = losses_of(model, scores, batch, cross_entropy=0.25).per_utterance
    torch.testing.assert_close(both - alone, 0.25 * labels)


def test_an_utterance_too_short_for_what_is_said_does_not_count() -> None:
    model = hybrid()
    scores, batch = spoken(model, [(1, 2, 1, 2), (1,)], [5, 9])
    losses = losses_of(model, scores, batch, cross_entropy=0.1)
    assert losses.counted.tolist() == [False, True]
    assert losses.per_utterance.tolist()[0] == 0.0
    losses.per_utterance.sum().backward()
    assert scores.logits.grad is not None
    assert not scores.logits.grad[0].any()
    assert torch.isfinite(scores.logits.grad).all()


@pytest.mark.parametrize("kind", ["word", "label"])
def test_a_hybrid_is_trained_as_its_objective_says_and_judged_by_the_likelihood(kind: Kind) -> None:
    settings = LFMMIConfig(acoustic_scale=0.7, cross_entropy=0.1)
    plain, model = hybrid(kind), hybrid(kind, settings)
    model.load_state_dict(plain.state_dict())
    _, batch = spoken(model, [(1,), (0,)] if kind == "label" else [(1, 2), (1,)], [9, 5])
    frames = Frames(
        batch.ids, torch.randn(2, 9, 2, generator=torch.Generator().manual_seed(0)), batch.lengths, batch.lengths
    )
    scores = model.output(frames)
    expected = losses_of(model, scores, batch, scale=0.7, cross_entropy=0.1)
    assert torch.equal(model.train()(frames, batch).per_utterance, expected.per_utterance)
    assert torch.equal(plain.train()(frames, batch).per_utterance, frame_cross_entropy(scores, batch).per_utterance)
    likelihood = negative_log_likelihood(model.words, model.scorer(frames), model.targets(batch))
    for one in (model.eval(), plain.eval()):
        assert torch.equal(one(frames, batch).per_utterance, likelihood.per_utterance)
        assert torch.equal(one.judged(frames, batch)[0].per_utterance, likelihood.per_utterance)


def likelihood_ratio(run: Path) -> float:
    """The mean of log P(what is said | utterance) over what was trained on, at an acoustic scale of 0.1."""
    system = load_system(run, "best", "cpu")
    model, head = system.model.eval(), system.model.head
    assert isinstance(head, HybridHead)
    utterances = system.config.data.load(cache_folder()).train
    objective, total = LFMMI(head.words, LFMMIConfig(acoustic_scale=0.1), classifies=False), 0.0
    for batch in ordered_loader(system, development_dataset(system, utterances)).epoch(0):
        nothing = Part(torch.zeros(len(batch.ids)), torch.zeros(len(batch.ids), dtype=torch.bool))
        with torch.no_grad():
            likelihoods = head.emissions(model.encode(batch))
            losses = objective(likelihoods, batch.lengths, head.targets(batch), nothing)
        total -= float((losses.per_utterance * batch.lengths).sum())
    return total / len(utterances)


def test_what_is_said_becomes_more_probable_than_all_else(string_hybrid: Path, tmp_path: Path) -> None:
    overrides = [
        f"model.align_from={string_hybrid}",
        f"model.start_from={string_hybrid}",
        "objective=lf_mmi",
        "clipping={name: per_utterance, threshold: 1.0}",
        "training.max_epochs=1",
    ]
    run = fit(string_hybrid / "config.yaml", overrides=overrides, output=tmp_path / "run")
    # Of what was trained on: whether five steps help a handful of other utterances turns on how a processor rounds.
    assert likelihood_ratio(run) > likelihood_ratio(string_hybrid)
    assert evaluate(run).words.errors <= evaluate(string_hybrid).words.errors + 5  # of 104


def test_it_is_for_hybrids(word_hybrid: Path) -> None:
    with pytest.raises(UsageError, match="objective lf_mmi compares strings of states"):
        fit(word_hybrid / "config.yaml", overrides=["model=lstm", "objective=lf_mmi"], dry_run=True)
