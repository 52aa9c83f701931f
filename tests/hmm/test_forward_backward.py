"""The forward-backward algorithm beside sums over every path, one by one."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from tests.hmm.hmm_cases import Case, cases, every_path, log_sum

from asrtrain.hmm.composition import Link, sequence
from asrtrain.hmm.forward_backward import forward_score, posteriors
from asrtrain.hmm.graph import IMPOSSIBLE, POSSIBLE, batched
from asrtrain.hmm.viterbi import viterbi


@settings(max_examples=40, deadline=None)
@given(cases(frames=4))
def test_scores_and_posteriors_are_those_of_all_paths(case: Case) -> None:
    scores = forward_score(case.graph, case.emissions, case.lengths)
    found = posteriors(case.graph, case.emissions, case.lengths)
    torch.testing.assert_close(found.log_likelihoods, scores, rtol=0, atol=1e-9)
    for row, length in enumerate(case.lengths.tolist()):
        paths = every_path(case, row)
        if not paths:
            assert scores[row] < POSSIBLE
            assert not found.states[row].any()
            continue
        total = log_sum([score for score, _ in paths])
        assert float(scores[row]) == pytest.approx(total, abs=1e-9)
        expected = torch.zeros_like(found.states[row])
        for score, path in paths:
            for t, state in enumerate(path):
                expected[t, state] += math.exp(score - total)
        torch.testing.assert_close(found.states[row], expected, rtol=0, atol=1e-9)
        assert float(found.ends[row].sum()) == pytest.approx(1)
        assert not found.states[row, length:].any()


@settings(max_examples=40, deadline=None)
@given(cases(loops=False))
def test_ways_are_counted_as_often_as_frames_follow_each_other(case: Case) -> None:
    found = posteriors(case.graph, case.emissions, case.lengths)
    possible = found.log_likelihoods > POSSIBLE
    expected = (case.lengths - 1) * possible
    torch.testing.assert_close(found.arcs.sum((0, 2)), expected.double(), rtol=0, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(cases())
def test_the_gradient_of_the_forward_score_is_the_posteriors(case: Case) -> None:
    emissions = case.emissions.clone().requires_grad_()
    scores = forward_score(case.graph, emissions, case.lengths)
    scores[scores > POSSIBLE].sum().backward()
    found = posteriors(case.graph, case.emissions, case.lengths)
    expected = torch.zeros_like(case.emissions)
    expected.scatter_add_(2, case.graph.emissions[:, None].expand_as(found.states), found.states)
    assert emissions.grad is not None
    torch.testing.assert_close(emissions.grad, expected, rtol=0, atol=1e-9)


@pytest.mark.slow
def test_a_hundred_thousand_frames_stay_finite_and_exact() -> None:
    """A chain whose states all see the same has one score in closed form, however the time is shared out."""
    frames, each = 100_000, -37.5
    stay, onward = math.log(0.999), math.log(0.001)
    transitions = torch.tensor([[stay, onward, IMPOSSIBLE]] * 3, dtype=torch.float64)
    graph = batched([sequence([Link((0, 1, 2))])], transitions)
    emissions = torch.full((1, frames, 3), each)
    lengths = torch.tensor([frames])
    found = posteriors(graph, emissions, lengths)
    ways = math.lgamma(frames) - math.lgamma(3) - math.lgamma(frames - 2)
    expected = frames * each + (frames - 3) * stay + 3 * onward + ways
    assert float(found.log_likelihoods) == pytest.approx(expected, rel=1e-11)
    torch.testing.assert_close(found.states.sum(2), torch.ones(1, frames, dtype=torch.float64), rtol=0, atol=1e-9)
    best = viterbi(graph, emissions, lengths)
    assert float(best.scores) == pytest.approx(expected - ways, rel=1e-11)


def test_what_is_too_short_for_its_graph_has_no_path_and_does_no_harm() -> None:
    graph = batched([sequence([Link((0, 1, 2))])] * 2, torch.zeros(3, 3))
    found = posteriors(graph, torch.zeros(2, 5, 3), torch.tensor([2, 5]))
    assert found.log_likelihoods[0] < POSSIBLE < found.log_likelihoods[1]
    for part in (found.states[0], found.arcs[:, 0], found.ends[0]):
        assert not part.any()
    torch.testing.assert_close(found.states[1].sum(1), torch.ones(5, dtype=torch.float64))
