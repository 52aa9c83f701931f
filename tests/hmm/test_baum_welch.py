"""Re-estimation: the likelihood never falls, floors hold, splitting keeps what was learnt."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.hmm.hmm_cases import random_transitions

from asrtrain.hmm.composition import Link, sequence
from asrtrain.hmm.flat_start import even_posteriors
from asrtrain.hmm.forward_backward import posteriors
from asrtrain.hmm.full_gaussians import FullGaussians
from asrtrain.hmm.gaussians import DiagonalGaussians, GaussianMixtures
from asrtrain.hmm.graph import IMPOSSIBLE, Graph, batched
from asrtrain.hmm.maximisation import Floors, reestimate, reestimate_transitions
from asrtrain.hmm.segmental import path_posteriors
from asrtrain.hmm.splitting import split
from asrtrain.hmm.statistics import Statistics, accumulate, accumulate_single
from asrtrain.hmm.viterbi import viterbi

LINKS = [
    Link((0,), presence=0.4),
    Link((1, 2, 3), frozenset({2})),
    Link((0,), presence=0.4),
    Link((4, 5)),
    Link((0,), presence=0.4),
]
STATES, SIZE = 6, 3
KINDS = {"diagonal": DiagonalGaussians, "full": FullGaussians}


def random_model(kind: str, components: int, generator: torch.Generator) -> GaussianMixtures:
    gaussians = KINDS[kind](STATES, components, SIZE, torch.float64)
    gaussians.means.copy_(torch.randn(gaussians.means.shape, generator=generator, dtype=torch.float64))
    gaussians.log_weights.copy_(
        torch.randn(STATES, components, generator=generator, dtype=torch.float64).log_softmax(1)
    )
    return gaussians


def random_speech(generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Features (4, T, F), zero beyond each length; the last utterance is too short for the words."""
    lengths = torch.tensor([30, 17, 8, 2])
    features = 2 * torch.randn(4, 30, SIZE, generator=generator, dtype=torch.float64)
    return features * (torch.arange(30) < lengths[:, None])[:, :, None], lengths


def scored(gaussians: GaussianMixtures, features: torch.Tensor) -> torch.Tensor:
    return gaussians(features.flatten(0, 1), torch.arange(STATES)).unflatten(0, features.shape[:2])


def graph_of(transitions: torch.Tensor) -> Graph:
    return batched([sequence(LINKS)] * 4, transitions)


def one_pass(
    gaussians: GaussianMixtures, transitions: torch.Tensor, seed: int, *, segmental: bool = False
) -> Statistics:
    features, lengths = random_speech(torch.Generator().manual_seed(seed))
    graph, emissions = graph_of(transitions), scored(gaussians, features)
    found = (
        path_posteriors(graph, viterbi(graph, emissions, lengths))
        if segmental
        else posteriors(graph, emissions, lengths)
    )
    statistics = Statistics.nothing(gaussians)
    accumulate(statistics, gaussians, graph, found, features=features, lengths=lengths)
    return statistics


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(sorted(KINDS)), st.integers(1, 3), st.booleans())
def test_the_likelihood_never_falls(seed: int, kind: str, components: int, segmental: bool) -> None:
    generator = torch.Generator().manual_seed(seed)
    gaussians, transitions = random_model(kind, components, generator), random_transitions(STATES, generator)
    before = -math.inf
    for _ in range(5):
        statistics = one_pass(gaussians, transitions, seed, segmental=segmental)
        assert statistics.skipped == 1
        assert statistics.frames == 55
        assert statistics.log_likelihood >= before - 1e-6 * abs(before)
        before = statistics.log_likelihood
        # A component on a single frame has no variance: a floor that the data of this size hardly ever touch.
        reestimate(gaussians, statistics, Floors(torch.full((SIZE,), 1e-9, dtype=torch.float64)))
        reestimate_transitions(transitions, statistics.transitions, 0.0)
        torch.testing.assert_close(gaussians.log_weights.exp().sum(1), torch.ones(STATES, dtype=torch.float64))
        torch.testing.assert_close(transitions.exp().sum(1), torch.ones(STATES, dtype=torch.float64))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_floors_hold(kind: str) -> None:
    generator = torch.Generator().manual_seed(5)
    gaussians, transitions = random_model(kind, 4, generator), random_transitions(STATES, generator)
    floor = torch.tensor([0.5, 1.0, 8.0], dtype=torch.float64)
    statistics = one_pass(gaussians, transitions, 5)
    reestimate(gaussians, statistics, Floors(floor, occupancy=4.0))
    reestimate_transitions(transitions, statistics.transitions, 0.01)
    present = gaussians.log_weights > IMPOSSIBLE
    enough = (statistics.occupancy > 4.0).sum(1)
    assert torch.equal(present.sum(1), enough.clamp(min=1))
    assert gaussians.active == int(enough.max()) < 4
    assert present[:, 0].all()
    for state in range(STATES):
        assert (gaussians.variances()[state, : enough[state]] >= floor - 1e-9).all()
    assert (transitions.exp() >= 0.01 / 1.03 - 1e-12).all()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_single_gaussians_are_counted_alike_by_batch_and_by_utterance(kind: str) -> None:
    generator = torch.Generator().manual_seed(7)
    gaussians, transitions = random_model(kind, 1, generator), random_transitions(STATES, generator)
    features, lengths = random_speech(generator)
    graph = graph_of(transitions)
    found = posteriors(graph, scored(gaussians, features), lengths)
    both = [Statistics.nothing(gaussians), Statistics.nothing(gaussians)]
    for statistics, count in zip(both, (accumulate, accumulate_single), strict=True):
        count(statistics, gaussians, graph, found, features=features, lengths=lengths)
    one, other = both
    for name in ("occupancy", "first", "second", "transitions"):
        assert torch.allclose(getattr(one, name), getattr(other, name))
    assert (one.log_likelihood, one.frames, one.skipped) == (other.log_likelihood, other.frames, other.skipped)


def test_a_state_that_was_never_seen_stays_as_it_was() -> None:
    generator = torch.Generator().manual_seed(6)
    gaussians, transitions = random_model("diagonal", 2, generator), random_transitions(STATES, generator)
    before, means = transitions.clone(), gaussians.means.clone()
    statistics = one_pass(gaussians, transitions, 6)
    for sums in (statistics.occupancy, statistics.first, statistics.second, statistics.transitions):
        sums[4] = 0.0
    reestimate(gaussians, statistics, Floors(torch.full((SIZE,), 1e-3, dtype=torch.float64), occupancy=1.0))
    reestimate_transitions(transitions, statistics.transitions, 0.01)
    assert torch.equal(transitions[4], before[4])
    assert torch.equal(gaussians.means[4], means[4])
    assert not torch.equal(gaussians.means[3], means[3])


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_splitting_makes_as_many_as_wanted_around_the_old_mean(kind: str) -> None:
    gaussians = random_model(kind, 4, torch.Generator().manual_seed(1))
    gaussians.log_weights[:, 1:] = IMPOSSIBLE
    gaussians.log_weights[:, 0] = 0.0
    old = gaussians.means[:, 0].clone()
    wanted, occupancy = torch.tensor([4, 2, 1, 4, 4, 4]), torch.tensor([100.0, 100, 100, 7, 100, 100])
    split(gaussians, wanted, occupancy, 2.0, torch.Generator().manual_seed(2))
    assert (gaussians.log_weights > IMPOSSIBLE).sum(1).tolist() == [4, 2, 1, 2, 4, 4]
    weights = gaussians.log_weights.exp()
    torch.testing.assert_close(weights.sum(1), torch.ones(STATES, dtype=torch.float64))
    torch.testing.assert_close((weights[:, :, None] * gaussians.means).sum(1), old)
    assert not torch.equal(gaussians.means[1, 0], gaussians.means[1, 1])


def test_a_flat_start_shares_an_utterance_out_evenly() -> None:
    lengths = torch.tensor([12, 6, 7])
    graph = batched([sequence(LINKS)] * 3, torch.zeros(STATES, 3))
    found = even_posteriors(graph, [LINKS] * 3, lengths)
    # States of the graph: silence, three of a word, silence, two of a word, silence.
    assert found.states[0].argmax(1).tolist() == [0, 1, 1, 2, 2, 3, 3, 5, 5, 6, 6, 7]
    assert found.states[2, :7].argmax(1).tolist() == [0, 1, 2, 3, 5, 6, 7]
    assert found.log_likelihoods.tolist() == [0, IMPOSSIBLE, 0]
    assert not found.states[1].any()
