"""Viterbi's search beside the best of all paths, one by one."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from tests.hmm.hmm_cases import Case, cases, every_path

from asrtrain.hmm.forward_backward import forward_score
from asrtrain.hmm.graph import POSSIBLE
from asrtrain.hmm.segmental import path_posteriors
from asrtrain.hmm.viterbi import viterbi


@settings(max_examples=60, deadline=None)
@given(cases(frames=4, loops=False))
def test_the_best_path_is_the_best_of_all(case: Case) -> None:
    best = viterbi(case.graph, case.emissions, case.lengths)
    for row, length in enumerate(case.lengths.tolist()):
        paths = every_path(case, row)
        if not paths:
            assert best.scores[row] < POSSIBLE
            continue
        by_states = {states: score for score, states in paths}
        assert float(best.scores[row]) == pytest.approx(max(by_states.values()), abs=1e-9)
        # Several paths may be best: states can share an emission.
        assert by_states[tuple(best.states[row, :length].tolist())] == pytest.approx(float(best.scores[row]), abs=1e-9)
        assert (best.states[row, length:] == -1).all()


@settings(max_examples=60, deadline=None)
@given(cases(frames=4, loops=True))
def test_in_a_loop_too_and_it_says_where_words_begin(case: Case) -> None:
    best = viterbi(case.graph, case.emissions, case.lengths)
    graph = case.graph
    assert graph.leave is not None
    assert graph.enter is not None
    for row, length in enumerate(case.lengths.tolist()):
        paths = every_path_apart(case, row)
        if not paths:
            assert best.scores[row] < POSSIBLE
            continue
        assert float(best.scores[row]) == pytest.approx(max(paths), abs=1e-9)
        states, ways = best.states[row].tolist(), best.ways[row].tolist()
        assert ways[0] == -1
        for t in range(1, length):
            if ways[t] == len(graph.arcs):
                assert graph.enter[row, states[t]] > POSSIBLE
                assert graph.leave[row, states[t - 1]] > POSSIBLE
            else:
                assert int(graph.sources[ways[t], row, states[t]]) == states[t - 1]


def every_path_apart(case: Case, row: int) -> list[float]:
    """The logarithms of all paths, where staying and leaving to enter again are two ways, not one."""
    graph, length = case.graph, int(case.lengths[row])
    assert graph.leave is not None
    assert graph.enter is not None
    scores = {
        state: [float(graph.start[row, state] + case.emissions[row, 0, graph.emissions[row, state]])]
        for state in range(len(case.alone))
    }
    for t in range(1, length):
        after: dict[int, list[float]] = {}
        for target in scores:
            here = float(case.emissions[row, t, graph.emissions[row, target]])
            ways = [
                (int(graph.sources[k, row, target]), float(graph.arcs[k, row, target])) for k in range(len(graph.arcs))
            ]
            ways += [(source, float(graph.leave[row, source] + graph.enter[row, target])) for source in scores]
            after[target] = [old + way + here for source, way in ways for old in scores[source] if old + way > POSSIBLE]
        scores = after
    totals = [old + float(graph.stop[row, state]) for state, found in scores.items() for old in found]
    return [total for total in totals if total > POSSIBLE]


@settings(max_examples=30, deadline=None)
@given(cases(loops=False))
def test_a_path_as_posteriors_walks_every_frame_once(case: Case) -> None:
    best = viterbi(case.graph, case.emissions, case.lengths)
    found = path_posteriors(case.graph, best)
    possible = best.scores > POSSIBLE
    frames = torch.arange(case.emissions.shape[1]) < case.lengths[:, None]
    expected = (frames & possible[:, None]).double()
    assert torch.equal(found.states.sum(2), expected)
    assert torch.equal(found.arcs.sum((0, 2)), (case.lengths - 1) * possible.double())
    assert torch.equal(found.ends.sum(1), possible.double())
    assert (best.scores <= forward_score(case.graph, case.emissions, case.lengths) + 1e-9).all()
