"""The units that words are made of, their states, and how they become the links of a graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import final

from asrtrain.hmm.composition import Link
from asrtrain.hmm.triphones import Unit, centre

SILENCE = "<sil>"


@final
@dataclass(frozen=True)
class Inventory:
    """Units with the number of their states, numbered one unit after another (the emissions of the model, unless they
    are tied), and the units that each word is spelled with. ``SILENCE`` is a unit too, and no word's.

    ``skip`` lets every second state of a unit be left out (Bakis). ``pause`` is the probability of silence at either
    end of an utterance and between words. With ``short_pause``, what is between words is the middle state of silence
    alone, tied to it, which may be as short as a frame.
    """

    sizes: Mapping[Unit, int]
    spelling: Mapping[str, tuple[Unit, ...]]
    skip: bool = False
    pause: float = 0.5
    short_pause: bool = False

    @property
    def states(self) -> int:
        """How many there are: S, or L where ``WordModels`` ties them."""
        return sum(self.sizes.values())

    @cached_property
    def places(self) -> tuple[tuple[Unit, int], ...]:
        """The unit of every state, and its place there."""
        return tuple((unit, place) for unit, size in self.sizes.items() for place in range(size))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The same in words: ``seven.3``, ``s-eh+v.0``; for pictures and tables."""
        return tuple(f"{unit}.{place}" for unit, place in self.places)

    @cached_property
    def monophones(self) -> tuple[int, ...]:
        """States (L,) numbered anew, so that those of a phone have one number, whatever its neighbours."""
        numbers: dict[tuple[str, int], int] = {}
        return tuple(numbers.setdefault((centre(unit), place), len(numbers)) for unit, place in self.places)

    @cached_property
    def may_skip(self) -> tuple[bool, ...]:
        """Which states may leave out the one after them: those with two more of their unit behind them."""
        return tuple(self.skip and unit != SILENCE and place + 2 < self.sizes[unit] for unit, place in self.places)

    def chain(self, unit: Unit) -> range:
        """The emissions of a unit, in order."""
        first = self._firsts[unit]
        return range(first, first + self.sizes[unit])

    def link(self, word: str) -> Link:
        """The states of a word."""
        return self._joined(self.spelling[word], 1.0)

    def links(self, words: Sequence[str]) -> list[Link]:
        """What an utterance of these words may be: silence or none around and between them."""
        silence, between = self._joined((SILENCE,), self.pause), Link(self._between, presence=self.pause)
        inner = [link for word in words for link in (self.link(word), between)][:-1]
        return [silence, *inner, silence]

    def frames_needed(self, words: Sequence[str]) -> int:
        """The fewest frames these words can have: no silence, and of a unit every other state left out if it may be."""
        sizes = [self.sizes[unit] for word in words for unit in self.spelling[word]]
        return sum(size // 2 + 1 for size in sizes) if self.skip else sum(sizes)

    def silences(self) -> list[Link]:
        """The silences that words may have around them."""
        return [self._joined((SILENCE,), 1.0), *([Link(self._between)] if self.short_pause else [])]

    @cached_property
    def _between(self) -> tuple[int, ...]:
        chain = self.chain(SILENCE)
        return (chain[len(chain) // 2],) if self.short_pause else tuple(chain)

    def _joined(self, units: Sequence[Unit], presence: float) -> Link:
        emissions: list[int] = []
        skips: list[int] = []
        for unit in units:
            if self.skip and unit != SILENCE:
                skips += range(len(emissions) + 2, len(emissions) + self.sizes[unit])
            emissions += self.chain(unit)
        return Link(tuple(emissions), frozenset(skips), presence)

    @cached_property
    def _firsts(self) -> dict[Unit, int]:
        return dict(zip(self.sizes, accumulate(self.sizes.values(), initial=0), strict=False))
