"""The units that words are made of, their states, and how they become the links of a graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import final

from asrtrain.hmm.composition import Link

SILENCE = "<sil>"


@final
@dataclass(frozen=True)
class Inventory:
    """Units with the number of their states, numbered one unit after another (the emissions S of the model), and the
    units that each word is spelled with. ``SILENCE`` is a unit too, and no word's.

    ``skip`` lets every second state of a unit be left out (Bakis). ``pause`` is the probability of silence at either
    end of an utterance and between words. With ``short_pause``, what is between words is the middle state of silence
    alone, tied to it, which may be as short as a frame.
    """

    sizes: Mapping[str, int]
    spelling: Mapping[str, tuple[str, ...]]
    skip: bool = False
    pause: float = 0.5
    short_pause: bool = False

    @property
    def states(self) -> int:
        """S."""
        return sum(self.sizes.values())

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The unit and the place of every state: ``seven.3``; for pictures and tables."""
        return tuple(f"{unit}.{place}" for unit, size in self.sizes.items() for place in range(size))

    @cached_property
    def may_skip(self) -> tuple[bool, ...]:
        """Which states may leave out the one after them: those with two more of their unit behind them."""
        return tuple(
            self.skip and unit != SILENCE and place + 2 < size
            for unit, size in self.sizes.items()
            for place in range(size)
        )

    def chain(self, unit: str) -> range:
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

    def silences(self) -> list[Link]:
        """The silences that words may have around them."""
        return [self._joined((SILENCE,), 1.0), *([Link(self._between)] if self.short_pause else [])]

    @cached_property
    def _between(self) -> tuple[int, ...]:
        chain = self.chain(SILENCE)
        return (chain[len(chain) // 2],) if self.short_pause else tuple(chain)

    def _joined(self, units: Sequence[str], presence: float) -> Link:
        emissions: list[int] = []
        skips: list[int] = []
        for unit in units:
            if self.skip and unit != SILENCE:
                skips += range(len(emissions) + 2, len(emissions) + self.sizes[unit])
            emissions += self.chain(unit)
        return Link(tuple(emissions), frozenset(skips), presence)

    @cached_property
    def _firsts(self) -> dict[str, int]:
        return dict(zip(self.sizes, accumulate(self.sizes.values(), initial=0), strict=False))
