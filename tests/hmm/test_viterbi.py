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
