"""The same models in hmmlearn: likelihoods, posteriors, best paths, and parameters after passes over the same data."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hmmlearn.hmm import GMMHMM, GaussianHMM

from asrtrain.hmm.forward_backward import forward_score, posteriors
from asrtrain.hmm.full_gaussians import FullGaussians
from asrtrain.hmm.gaussians import DiagonalGaussians, GaussianMixtures
from asrtrain.hmm.graph import IMPOSSIBLE, Graph
from asrtrain.hmm.maximisation import Floors, reestimate
from asrtrain.hmm.statistics import Statistics, accumulate
from asrtrain.hmm.viterbi import viterbi

STATES, COMPONENTS, SIZE = 4, 2, 3
LENGTHS = [40, 25, 7]
KINDS = {"diag": DiagonalGaussians, "full": FullGaussians}
NO_FLOORS = Floors(torch.full((SIZE,), 1e-9, dtype=torch.float64))
START = np.array([0.7, 0.3, 0.0, 0.0])
LEFT_TO_RIGHT = np.array([[0.8, 0.1, 0.1, 0], [0, 0.7, 0.3, 0], [0, 0, 0.9, 0.1], [0, 0, 0, 1]])


def theirs_and_ours(kind: str) -> tuple[GMMHMM, GaussianMixtures]:
    """One random model, twice."""
    random = np.random.default_rng(7)
    theirs = GMMHMM(
        STATES, COMPONENTS, covariance_type=kind, init_params="", n_iter=1, tol=-np.inf, implementation="log"
    )
    theirs.startprob_, theirs.transmat_ = START, LEFT_TO_RIGHT
    theirs.weights_ = random.dirichlet(np.ones(COMPONENTS), STATES)
    theirs.means_ = random.normal(size=(STATES, COMPONENTS, SIZE))
    variances = random.uniform(0.5, 2, (STATES, COMPONENTS, SIZE))
    roots = random.normal(size=(STATES, COMPONENTS, SIZE, SIZE)) / 3
    full = roots @ roots.swapaxes(2, 3) + np.eye(SIZE)
    theirs.covars_ = variances if kind == "diag" else full
    ours = KINDS[kind](STATES, COMPONENTS, SIZE, torch.float64)
    ours.log_weights.copy_(torch.from_numpy(theirs.weights_).log())
    ours.means.copy_(torch.from_numpy(theirs.means_))
    ours.set_covariances(torch.from_numpy(theirs.covars_), torch.ones(STATES, COMPONENTS, dtype=torch.bool))
    return theirs, ours


def speech() -> tuple[np.ndarray, torch.Tensor, torch.Tensor]:
    """The utterances one after another for them, padded for us, and their lengths."""
    frames = np.random.default_rng(8).normal(size=(sum(LENGTHS), SIZE)) * 1.5
    parts = torch.from_numpy(frames).split(LENGTHS)
    return frames, torch.nn.utils.rnn.pad_sequence(list(parts), batch_first=True), torch.tensor(LENGTHS)


def graph(start: np.ndarray, transitions: np.ndarray) -> Graph:
    """hmmlearn's kind of graph: any state after any, and the end anywhere."""
    batch = len(LENGTHS)
    arcs = torch.from_numpy(transitions).log().clamp(min=IMPOSSIBLE)[:, None, :].expand(-1, batch, -1).contiguous()
    every = torch.arange(STATES).expand(batch, STATES)
    sources = torch.arange(STATES)[:, None, None].expand_as(arcs).contiguous()
    first = torch.from_numpy(start).log().clamp(min=IMPOSSIBLE).expand(batch, -1)
    return Graph(every, sources, sources, torch.zeros_like(sources), arcs, first, torch.zeros_like(first))


def emissions(ours: GaussianMixtures, features: torch.Tensor) -> torch.Tensor:
    return ours(features.flatten(0, 1), torch.arange(STATES)).unflatten(0, features.shape[:2])


@pytest.mark.parametrize("kind", KINDS)
def test_likelihoods_posteriors_and_best_paths(kind: str) -> None:
    theirs, ours = theirs_and_ours(kind)
    frames, features, lengths = speech()
    own, scores = graph(START, LEFT_TO_RIGHT), emissions(ours, features)
    assert float(forward_score(own, scores, lengths).sum()) == pytest.approx(theirs.score(frames, LENGTHS), rel=1e-10)
    real = torch.arange(features.shape[1]) < lengths[:, None]
    found = posteriors(own, scores, lengths).states[real]
    np.testing.assert_allclose(found.numpy(), theirs.predict_proba(frames, LENGTHS), atol=1e-9)
    total, path = theirs.decode(frames, LENGTHS)
    best = viterbi(own, scores, lengths)
    assert float(best.scores.sum()) == pytest.approx(total, rel=1e-10)
    assert best.states[real].tolist() == path.tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_a_pass_of_baum_welch(kind: str) -> None:
    theirs, ours = theirs_and_ours(kind)
    frames, features, lengths = speech()
    own = graph(START, LEFT_TO_RIGHT)
    found = posteriors(own, emissions(ours, features), lengths)
    statistics = Statistics.nothing(ours)
    accumulate(statistics, ours, own, found, features=features, lengths=lengths)
    before = ours.means.clone()
    reestimate(ours, statistics, NO_FLOORS)
    theirs.fit(frames, LENGTHS)
    np.testing.assert_allclose(ours.log_weights.exp().numpy(), theirs.weights_, atol=1e-8)
    np.testing.assert_allclose(ours.means.numpy(), theirs.means_, atol=1e-6)
    # Their mixtures' covariances are measured around the means of the pass before.
    moved = ours.means - before
    around = ours.covariances() + (moved.square() if kind == "diag" else moved[..., None] * moved[..., None, :])
    np.testing.assert_allclose(around.numpy(), theirs.covars_, atol=1e-8)
    moves = found.arcs.sum(1)
    np.testing.assert_allclose((moves / moves.sum(1, keepdim=True)).numpy(), theirs.transmat_, atol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_five_passes_with_single_gaussians(kind: str) -> None:
    mixtures, _ = theirs_and_ours(kind)
    ours = KINDS[kind](STATES, 1, SIZE, torch.float64)
    theirs = GaussianHMM(
        STATES, kind, init_params="", n_iter=5, tol=-np.inf, implementation="log", covars_prior=0.0, covars_weight=1.0
    )
    theirs.startprob_, theirs.transmat_ = START, LEFT_TO_RIGHT
    theirs.means_ = mixtures.means_[:, 0]
    theirs.covars_ = np.ones((STATES, SIZE)) if kind == "diag" else np.tile(np.eye(SIZE), (STATES, 1, 1))
    ours.means.copy_(torch.from_numpy(theirs.means_)[:, None])
    frames, features, lengths = speech()
    start, transitions = START, LEFT_TO_RIGHT
    for _ in range(5):
        own = graph(start, transitions)
        found = posteriors(own, emissions(ours, features), lengths)
        statistics = Statistics.nothing(ours)
        accumulate(statistics, ours, own, found, features=features, lengths=lengths)
        reestimate(ours, statistics, NO_FLOORS)
        moves, starts = found.arcs.sum(1), found.states[:, 0].sum(0)
        start, transitions = (starts / starts.sum()).numpy(), (moves / moves.sum(1, keepdim=True)).numpy()
    theirs.fit(frames, LENGTHS)
    np.testing.assert_allclose(ours.means[:, 0].numpy(), theirs.means_, atol=1e-6)
    expected = theirs.covars_
    got = ours.covariances()[:, 0].numpy()
    np.testing.assert_allclose(got if kind == "full" else np.stack([np.diag(row) for row in got]), expected, atol=1e-6)
    np.testing.assert_allclose(transitions, theirs.transmat_, atol=1e-8)
