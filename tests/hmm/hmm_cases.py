"""Random small models, and the arithmetic that is right because it is slow."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from hypothesis import strategies as st

from asrtrain.hmm.aligning import given_states
from asrtrain.hmm.composition import Link, sequence
from asrtrain.hmm.frame_cross_entropy import STATE_COUNTS, STATES
from asrtrain.hmm.graph import IMPOSSIBLE, NEXT, POSSIBLE, SKIP, STAY, Arc, Graph, StateGraph, batched, state_graph


def random_transitions(states: int, generator: torch.Generator) -> torch.Tensor:
    """(S, 3) logarithms of random probabilities."""
    return (torch.rand(states, 3, generator=generator, dtype=torch.float64) + 0.05).log().log_softmax(1)


def loop(links: list[Link], weights: list[float]) -> StateGraph:
    """Any number of links in any order, at least one; entering link i adds ``weights[i]``."""
    emissions: list[int] = []
    arcs: list[Arc] = []
    enter: dict[int, float] = {}
    leave: dict[int, float] = {}
    for link, weight in zip(links, weights, strict=True):
        first = len(emissions)
        emissions += link.emissions
        arcs += link.arcs(first)
        enter[first] = weight
        leave[first + len(link.emissions) - 1] = 0.0
    return state_graph(emissions, arcs, enter, leave, leave=leave, enter=enter)


@dataclass(frozen=True)
class Case:
    """A graph alone and batched twice, emissions (2, T, S) and lengths (2,)."""

    alone: StateGraph
    graph: Graph
    emissions: torch.Tensor
    lengths: torch.Tensor


@st.composite
def cases(draw: st.DrawFn, *, loops: bool | None = None, frames: int = 6) -> Case:
    """A sequence of links, some of them optional and with skips, or a loop of links."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10**6)))
    emissions, links = 4, []
    for _ in range(draw(st.integers(1, 3))):
        size = draw(st.integers(1, 3))
        skips = frozenset({2}) if size == 3 and draw(st.booleans()) else frozenset()
        chain = tuple(torch.randint(emissions, (size,), generator=generator).tolist())
        links.append(Link(chain, skips, draw(st.sampled_from([1.0, 0.3]))))
    links.append(Link((0,)))
    looped = draw(st.booleans()) if loops is None else loops
    alone = loop(links, [-0.3 * n for n in range(len(links))]) if looped else sequence(links)
    graph = batched([alone, alone], random_transitions(emissions, generator))
    lengths = torch.tensor([draw(st.integers(1, frames)), frames])
    scores = torch.randn(2, frames, emissions, generator=generator, dtype=torch.float64)
    return Case(alone, graph, scores, lengths)


def every_path(case: Case, row: int) -> list[tuple[float, tuple[int, ...]]]:
    """The logarithm and the states of every possible path of an utterance, one by one."""
    graph, size, length = case.graph, len(case.alone), int(case.lengths[row])
    moves = torch.full((size, size), IMPOSSIBLE, dtype=torch.float64)
    single = moves.clone()
    for way, target in itertools.product(range(len(graph.arcs)), range(size)):
        source = int(graph.sources[way, row, target])
        single[source, target] = torch.logaddexp(single[source, target], graph.arcs[way, row, target])
    moves = single
    if graph.leave is not None and graph.enter is not None:
        moves = torch.logaddexp(moves, graph.leave[row, :size, None] + graph.enter[row, None, :size])
    found = []
    for path in itertools.product(range(size), repeat=length):
        total = float(graph.start[row, path[0]] + graph.stop[row, path[-1]])
        total += sum(float(moves[a, b]) for a, b in itertools.pairwise(path))
        total += sum(float(case.emissions[row, t, graph.emissions[row, state]]) for t, state in enumerate(path))
        if total > POSSIBLE:
            found.append((total, path))
    return found


def aligned(ids: Sequence[str], states: Mapping[str, Sequence[int]]) -> dict[str, torch.Tensor]:
    """Aligned states as a batch has them; there are none for utterances that are not named."""
    rows = given_states(ids, {name: torch.tensor(own) for name, own in states.items()})
    return {
        STATES: torch.nn.utils.rnn.pad_sequence([*rows[STATES]], batch_first=True),
        STATE_COUNTS: torch.stack(rows[STATE_COUNTS]),
    }


def log_sum(values: list[float]) -> float:
    top = max(values)
    return top + math.log(sum(math.exp(value - top) for value in values))


__all__ = [
    "IMPOSSIBLE",
    "NEXT",
    "POSSIBLE",
    "SKIP",
    "STAY",
    "Case",
    "aligned",
    "cases",
    "every_path",
    "log_sum",
    "random_transitions",
]


PHONES = """\
zero z ih r ow
one w ah n
two t uw
three th r iy
four f ao r
five f ay v
six s ih k s
seven s eh v ah n
eight ey t
nine n ay n
"""
"""A lexicon of the digits, by phones."""
