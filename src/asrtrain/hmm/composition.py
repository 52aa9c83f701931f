"""From words to state graphs: chains of states, joined to what an utterance says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from asrtrain.hmm.graph import NEXT, SKIP, STAY, Arc, StateGraph, state_graph


@final
@dataclass(frozen=True, slots=True)
class Link:
    """A chain of states, left to right, with the emission of each; ``skips`` are the places of states that may be
    entered from the last but one. ``presence`` is the probability that the chain is there at all.
    """

    emissions: tuple[int, ...]
    skips: frozenset[int] = frozenset()
    presence: float = 1.0

    def arcs(self, first: int) -> list[Arc]:
        """The ways inside the chain whose first state has the number ``first``."""
        places = range(first, first + len(self.emissions))
        return [
            *(Arc(place, place, STAY) for place in places),
            *(Arc(place, place + 1, NEXT) for place in places[:-1]),
            *(Arc(first + place - 2, first + place, SKIP) for place in self.skips),
        ]


def sequence(links: Sequence[Link]) -> StateGraph:
    """One link after another, those with a presence below 1 left out or not."""
    emissions: list[int] = []
    arcs: list[Arc] = []
    start: dict[int, float] = {}
    ends: dict[int | None, float] = {None: 0.0}  # states from which the next link is entered; None is the beginning
    for link in links:
        first = len(emissions)
        emissions += link.emissions
        arcs += link.arcs(first)
        for end, weight in ends.items():
            entering = weight + math.log(link.presence)
            if end is None:
                start[first] = entering
            else:
                arcs.append(Arc(end, first, NEXT, entering))
        absent = {end: weight + math.log1p(-link.presence) for end, weight in ends.items()} if link.presence < 1 else {}
        ends = {**absent, first + len(link.emissions) - 1: 0.0}
    return state_graph(emissions, arcs, start, {end: weight for end, weight in ends.items() if end is not None})
