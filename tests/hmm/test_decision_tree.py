"""Tying by a decision tree: its arithmetic against Gaussians fitted frame by frame, its choices against all others."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asrtrain.hmm.decision_tree import TreeConfig, best_split, grow, log_likelihood
from asrtrain.hmm.gaussians import DiagonalGaussians
from asrtrain.hmm.inventory import SILENCE, Inventory
from asrtrain.hmm.questions import similar
from asrtrain.hmm.statistics import Statistics
from asrtrain.hmm.triphones import Triphone, in_context
from asrtrain.hmm.tying import tie

FLOOR = torch.tensor([0.05, 0.05, 0.05], dtype=torch.float64)
seeds = st.integers(0, 10**6)


def random_frames(groups: int, generator: torch.Generator) -> list[torch.Tensor]:
    """So many (T, 3), about centres of their own; some groups are empty, some features do not vary."""
    found = []
    for _ in range(groups):
        count = int(torch.randint(0, 12, (1,), generator=generator))
        spread = torch.rand(3, generator=generator, dtype=torch.float64).round()
        centre = 3 * torch.randn(3, generator=generator, dtype=torch.float64)
        found.append(centre + spread * torch.randn(count, 3, generator=generator, dtype=torch.float64))
    return found


def sums_of(frames: torch.Tensor) -> torch.Tensor:
    count = torch.tensor([len(frames)], dtype=torch.float64)
    return torch.cat([count, frames.sum(0), frames.square().sum(0)])


def fitted(frames: torch.Tensor) -> float:
    """Log p of frames (T, 3) under their own mean and variance, one after the other."""
    if not len(frames):
        return 0.0
    variance = frames.var(0, correction=0).maximum(FLOOR)
    return float(torch.distributions.Normal(frames.mean(0), variance.sqrt()).log_prob(frames).sum())


@given(seeds)
def test_the_log_likelihood_is_that_of_the_frames_own_gaussian(seed: int) -> None:
    groups = random_frames(5, torch.Generator().manual_seed(seed))
    found = log_likelihood(torch.stack([sums_of(frames) for frames in groups]), FLOOR)
    assert found.tolist() == pytest.approx([fitted(frames) for frames in groups], abs=1e-6)


def test_the_log_likelihood_is_kaldis() -> None:
    kaldi = pytest.importorskip("kaldi_hmm_gmm", reason="an oracle that is not installed: pip install kaldi-hmm-gmm")
    frames = torch.cat([torch.randn(50, 3, dtype=torch.float64), torch.zeros(1, 3, dtype=torch.float64)])
    sums = sums_of(frames)
    theirs = kaldi.GaussClusterable(sums[1:4].numpy(), sums[4:].numpy(), 0.05, len(frames))
    assert float(log_likelihood(sums, FLOOR)) == pytest.approx(theirs.objf(), rel=1e-5)
    part = sums_of(frames[:20])
    theirs_part = kaldi.GaussClusterable(part[1:4].numpy(), part[4:].numpy(), 0.05, 20)
    ours = log_likelihood(part, FLOOR) + log_likelihood(sums - part, FLOOR) - log_likelihood(sums, FLOOR)
    theirs_gain = theirs_part.objf() + theirs.objf_minus(theirs_part) - theirs.objf()
    assert float(ours) == pytest.approx(theirs_gain, rel=1e-4)


@given(seeds, st.sampled_from([0.5, 5.0, 1000.0]))
def test_the_best_question_is_that_of_an_exhaustive_search(seed: int, least: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    groups = random_frames(6, generator)
    answers = torch.rand(8, 6, generator=generator) < 0.5
    gains = []
    for answer in answers:
        yes = torch.cat([groups[at] for at in range(6) if answer[at]] or [torch.empty(0, 3)]).double()
        no = torch.cat([groups[at] for at in range(6) if not answer[at]] or [torch.empty(0, 3)]).double()
        allowed = min(len(yes), len(no)) >= least
        gains.append(fitted(yes) + fitted(no) - fitted(torch.cat([yes, no])) if allowed else -math.inf)
    found = best_split(torch.stack([sums_of(frames) for frames in groups]), answers, FLOOR, least)
    assert found.gain == pytest.approx(max(gains), abs=1e-6)
    assert found.question == -1 if max(gains) == -math.inf else gains[found.question] == pytest.approx(max(gains))


@settings(deadline=None, max_examples=40)
@given(seeds, st.integers(2, 9))
def test_a_tree_never_makes_the_frames_less_probable_and_holds_its_limits(seed: int, most: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    sums = torch.stack([sums_of(frames) for frames in random_frames(12, generator)])
    answers = torch.rand(8, 12, generator=generator) < 0.5
    roots = [torch.arange(5), torch.arange(5, 12)]
    limits = TreeConfig(min_gain=1.0, min_occupancy=4.0)
    before, leaves = roots, roots
    for size in range(2, most + 1):
        leaves = grow(roots, sums, answers, limits, floor=FLOOR, most=size)
        if len(leaves) < size:
            break
        if size > 2:
            # One leaf more than the tree before, and nothing that could have been asked of it gains more.
            gains = [best_split(sums[rows], answers[:, rows], FLOOR, 4.0).gain for rows in before]
            assert total(sums, leaves) - total(sums, before) == pytest.approx(max(gains))
        before = leaves
    assert len(leaves) <= most
    assert sorted(torch.cat(leaves).tolist()) == list(range(12))
    assert total(sums, leaves) >= total(sums, roots)
    assert all({int(row) < 5 for row in rows} in ({True}, {False}) for rows in leaves)
    assert all(float(sums[rows, 0].sum()) >= 4 for rows in leaves if not any(rows.equal(root) for root in roots))


def total(sums: torch.Tensor, leaves: list[torch.Tensor]) -> float:
    return float(log_likelihood(torch.stack([sums[rows].sum(0) for rows in leaves]), FLOOR).sum())


@settings(deadline=None, max_examples=30)
@given(seeds)
def test_questions_are_the_clusters_that_lose_least(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    groups = random_frames(10, generator)
    sums = torch.stack([sums_of(frames) for frames in groups]).view(5, 2, -1)
    sets = similar(sums, FLOOR)
    clusters = [[phone] for phone in range(5)]

    def loss(pair: tuple[list[int], list[int]]) -> float:
        parts = [[torch.cat([groups[2 * phone + state] for phone in part]) for part in pair] for state in range(2)]
        return sum(fitted(one) + fitted(other) - fitted(torch.cat([one, other])) for one, other in parts)

    for row in sets[5:]:
        merged = sorted(row.nonzero()[:, 0].tolist())
        pairs = list(itertools.combinations(clusters, 2))
        chosen = [pair for pair in pairs if sorted(pair[0] + pair[1]) == merged]
        assert len(chosen) == 1
        assert loss(chosen[0]) == pytest.approx(min(map(loss, pairs)), abs=1e-6)
        clusters = [cluster for cluster in clusters if cluster not in chosen[0]] + [merged]
    assert sets[:5].equal(torch.eye(5, dtype=torch.bool))
    assert sets[-1].all()


def test_triphones_are_named_as_everywhere() -> None:
    assert list(map(str, in_context(["w", "ah", "n"]))) == ["w+ah", "w-ah+n", "ah-n"]
    assert in_context(["a"]) == (Triphone(None, "a", None),)


def test_states_of_unseen_triphones_go_where_their_neighbours_lead_them() -> None:
    words = {"pat": "pat", "bat": "bat", "sat": "sat", "zat": "zat", "tap": "tap", "zap": "zap"}
    spelling = {word: in_context(phones) for word, phones in words.items()}
    units = sorted({unit for spelled in spelling.values() for unit in spelled}, key=str)
    inventory = Inventory({SILENCE: 2, **dict.fromkeys(units, 2)}, spelling)
    statistics = Statistics.nothing(DiagonalGaussians(inventory.states, 1, 1))
    # After s and z an "a" begins high, and otherwise low; s and z sound alike. "zap" was never heard.
    hiss, unheard = {"s", "z"}, set(spelling["zap"]) - {unit for word in list(words)[:5] for unit in spelling[word]}
    for state, (unit, place) in enumerate(inventory.places):
        if unit in unheard:
            continue
        centre, left = (unit, None) if isinstance(unit, str) else (unit.centre, unit.left)
        high = centre in hiss or (centre == "a" and left in hiss and place == 0)
        mean = 10.0 * high + ord(centre[0]) % 7
        statistics.occupancy[state] = 50
        statistics.first[state] = 50 * mean
        statistics.second[state] = 50 * (mean**2 + 1)
    limits = TreeConfig(min_gain=10, min_occupancy=20)
    floor = torch.tensor([0.1], dtype=torch.float64)
    tying = tie(inventory, statistics, limits, floor=floor, most=100).tolist()
    first, second = ({str(unit): tying[inventory.chain(unit)[at]] for unit in units} for at in (0, 1))
    assert tying[:2] == [0, 1]
    assert sorted(set(tying)) == list(range(max(tying) + 1))
    assert first["z-a+p"] == first["z-a+t"] == first["s-a+t"] != first["p-a+t"] == first["b-a+t"] == first["t-a+p"]
    assert len({second[name] for name in second if "-a+" in name}) == 1
    assert all(
        tying[a] != tying[b]
        for a, b in itertools.combinations(range(len(tying)), 2)
        if inventory.monophones[a] != inventory.monophones[b]
    )
    assert max(tie(inventory, statistics, limits, floor=floor, most=14).tolist()) == 13  # without the tree: 2 + 6 · 2
