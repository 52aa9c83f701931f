"""Words become graphs: what may follow what, and with which probability."""

from __future__ import annotations

import math

import pytest
import torch

from asrtrain.hmm.composition import Link, sequence
from asrtrain.hmm.forward_backward import forward_score
from asrtrain.hmm.graph import NEXT, POSSIBLE, StateGraph, batched
from asrtrain.hmm.inventory import SILENCE, Inventory

WORDS = Inventory({SILENCE: 2, "a": 1, "b": 3}, {"ab": ("a", "b"), "a": ("a",)}, skip=True, pause=0.25)


def ways_into(graph: StateGraph, state: int) -> dict[int, tuple[int, float]]:
    rows = zip(graph.sources[:, state], graph.kinds[:, state], graph.weights[:, state], strict=True)
    return {int(source): (int(kind), float(weight)) for source, kind, weight in rows if weight > POSSIBLE}


def accepts(graph: StateGraph, emissions: list[int]) -> bool:
    """Whether a path sees exactly these emissions, one a frame."""
    scores = torch.full((1, len(emissions), 6), -1e20, dtype=torch.float64)
    scores[0, torch.arange(len(emissions)), torch.tensor(emissions)] = 0.0
    total = forward_score(batched([graph], torch.zeros(6, 3)), scores, torch.tensor([len(emissions)]))
    return float(total) > -1e19


def test_units_are_numbered_and_named_one_after_another() -> None:
    assert WORDS.states == 6
    assert WORDS.names == ("<sil>.0", "<sil>.1", "a.0", "b.0", "b.1", "b.2")
    assert list(WORDS.chain("b")) == [3, 4, 5]
    assert WORDS.link("ab") == Link((2, 3, 4, 5), frozenset({3}))


def test_silence_is_there_or_not_around_and_between_words() -> None:
    graph = sequence(WORDS.links(["a", "ab"]))
    assert graph.emissions.tolist() == [0, 1, 2, 0, 1, 2, 3, 4, 5, 0, 1]
    assert {k: v for k, v in enumerate(graph.start) if v > POSSIBLE} == pytest.approx(
        {0: math.log(0.25), 2: math.log(0.75)}
    )
    assert {k for k, v in enumerate(graph.stop) if v > POSSIBLE} == {8, 10}
    into_second_word = ways_into(graph, 5)
    assert into_second_word[2] == (NEXT, pytest.approx(math.log(0.75)))
    assert into_second_word[4] == (NEXT, 0.0)
    for said in ([2, 2, 3, 4, 5], [0, 1, 2, 0, 0, 1, 2, 3, 5, 0, 1], [2, 2, 3, 5]):
        assert accepts(graph, said)
    for said in ([2, 3, 4, 5], [0, 2, 2, 3, 4, 5], [2, 2, 4, 5], [2, 2, 3, 4], [2, 0, 1, 2]):
        assert not accepts(graph, said)


def test_a_short_pause_is_one_state_of_silence() -> None:
    short = Inventory({SILENCE: 3, "a": 1}, {"a": ("a",)}, short_pause=True)
    assert sequence(short.links(["a", "a"])).emissions.tolist() == [0, 1, 2, 3, 1, 3, 0, 1, 2]
    assert [link.emissions for link in short.silences()] == [(0, 1, 2), (1,)]


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("said", [["a"], ["b", "c"], ["d", "d", "b"]])
def test_words_need_the_frames_of_the_shortest_way_through_their_states(said: list[str], skip: bool) -> None:
    sizes = {SILENCE: 2, "a": 1, "b": 2, "c": 3, "d": 4, "e": 5}
    spelling = {unit: (unit,) for unit in "abc"} | {"d": ("d", "e")}
    words = Inventory(sizes, spelling, skip=skip)
    graph = batched([sequence(words.links(said))], torch.zeros(words.states, 3))
    for frames in range(1, 30):
        scores = torch.zeros(1, frames, words.states, dtype=torch.float64)
        possible = float(forward_score(graph, scores, torch.tensor([frames]))) > POSSIBLE
        assert possible == (frames >= words.frames_needed(said))


def test_probabilities_of_a_transcript_add_up_to_one() -> None:
    """Over all numbers of frames, for words of states that are surely left after a frame."""
    transitions = torch.full((6, 3), -1e30, dtype=torch.float64)
    transitions[:, NEXT] = 0.0
    graph = batched([sequence(WORDS.links(["a", "a"]))], transitions)
    totals = [
        forward_score(graph, torch.zeros(1, frames, 6, dtype=torch.float64), torch.tensor([frames])).exp()
        for frames in range(1, 12)
    ]
    assert float(sum(totals)) == pytest.approx(1.0)
