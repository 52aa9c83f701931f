"""Everything that might be said, as one state graph: what discriminative training compares with what is said."""

from __future__ import annotations

import math

from asrtrain.hmm.composition import Link
from asrtrain.hmm.graph import NEXT, Arc, StateGraph, state_graph
from asrtrain.hmm.inventory import SILENCE, Inventory
from asrtrain.hmm.triphones import Unit


def unit_loop(inventory: Inventory, weight: float) -> StateGraph:
    """All sequences of one unit or more, each of which adds ``weight``, a logarithm. Silence is where ``Inventory``
    has it, and as probable.

    Where words are units, its paths are those of all sequences of words, each once: its score is the sum of theirs.
    Where words are spelled, it has them too, among others, for a unit may follow any other, with silence or without.
    """
    word = next(iter(inventory.spelling))
    first, _, between, _, last = inventory.links([word, word])
    spelled = any(len(units) > 1 for units in inventory.spelling.values())
    onward = weight + (0.0 if spelled else math.log1p(-between.presence))
    emissions: list[int] = []
    arcs: list[Arc] = []

    def place(link: Link) -> tuple[int, int]:
        begin = len(emissions)
        emissions.extend(link.emissions)
        arcs.extend(link.arcs(begin))
        return begin, len(emissions) - 1

    (before, before_end), (pause, pause_end), (after, after_end) = place(first), place(between), place(last)
    units = [place(_link(inventory, unit)) for unit in inventory.sizes if unit != SILENCE]
    begins, ends = [begin for begin, _ in units], [end for _, end in units]
    arcs += [Arc(silence, begin, NEXT, weight) for silence in (before_end, pause_end) for begin in begins]
    return state_graph(
        emissions,
        arcs,
        start={before: math.log(first.presence)} | dict.fromkeys(begins, math.log1p(-first.presence) + weight),
        stop={after_end: 0.0} | dict.fromkeys(ends, math.log1p(-last.presence)),
        leave=dict.fromkeys(ends, 0.0),
        enter={pause: math.log(between.presence), after: math.log(last.presence)} | dict.fromkeys(begins, onward),
    )


def _link(inventory: Inventory, unit: Unit) -> Link:
    chain = inventory.chain(unit)
    return Link(tuple(chain), frozenset(range(2, len(chain))) if inventory.skip else frozenset())
