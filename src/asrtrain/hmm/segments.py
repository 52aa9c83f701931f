"""Which frames each state, unit and word of a transcript has, read off a path through its graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import final

from asrtrain.hmm.inventory import SILENCE, Inventory
from asrtrain.hmm.triphones import centre


@final
@dataclass(frozen=True, slots=True)
class Segment:
    """Frames ``first`` to ``last``, that included, and what they belong to."""

    label: str
    first: int
    last: int


@final
@dataclass(frozen=True, slots=True)
class Segments:
    """An utterance in pieces, three times over; none of the three leaves a frame out. Silence is a word here too."""

    states: tuple[Segment, ...]
    units: tuple[Segment, ...]
    words: tuple[Segment, ...]


def segments(inventory: Inventory, words: Sequence[str], path: Sequence[int]) -> Segments:
    """The pieces of a path (T,) through the states of ``words``' graph, numbered as ``sequence`` composes it."""
    states, units, spoken = _owners(inventory, words)
    return Segments(_pieces(states, path), _pieces(units, path), _pieces(spoken, path))


Owner = tuple[int, str]


def _owners(inventory: Inventory, words: Sequence[str]) -> tuple[list[Owner], list[Owner], list[Owner]]:
    """For each state of the graph what it is, and the unit and the word it belongs to; numbered, for words recur."""
    states: list[Owner] = []
    units: list[Owner] = []
    spoken: list[Owner] = []
    for place, link in enumerate(inventory.links(words)):
        word = words[place // 2] if place % 2 else SILENCE
        for unit in inventory.spelling[word] if place % 2 else (SILENCE,):
            size = inventory.sizes[unit] if place % 2 else len(link.emissions)
            units += [(len(units), centre(unit))] * size
        spoken += [(place, word)] * len(link.emissions)
        for emission in link.emissions:
            states.append((len(states), inventory.names[emission]))
    return states, units, spoken


def _pieces(owners: Sequence[Owner], path: Sequence[int]) -> tuple[Segment, ...]:
    found: list[Segment] = []
    for (_, label), frames in groupby(enumerate(path), key=lambda at: owners[at[1]]):
        places = [frame for frame, _ in frames]
        found.append(Segment(label, places[0], places[-1]))
    return tuple(found)
