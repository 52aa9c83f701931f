"""Which module began it: numbers were as usual when they went in, and were not when they came out.

Magnitudes are compared as logarithms (base 10) with what is usual at the same place, the median over sound utterances.
The excess at a module is by how much further from usual its outcome is than what it was given; what is not finite
counts as the largest number that there is. Who only passes on what is unusual already has no excess: a propagator.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import nn

from asrtrain.diagnosis.facts import Direction, ModuleFacts
from asrtrain.diagnosis.taps import Flow, Station

LEAST_EXCESS = 1.5
"""Orders of magnitude beyond usual that stand out: sound speech stays below half of it (see the tests)."""

_LARGEST = math.log10(torch.finfo(torch.float32).max)
_NEARLY = 0.9
"""Of the largest excess: a module and the one it consists of differ by rounding only."""


@final
@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual at each station: log magnitudes by (station, place), where place is one of a station's flows."""

    levels: Mapping[tuple[str, str], float]

    @classmethod
    def of(cls, passes: Iterable[Sequence[Station]]) -> Usual:
        """The medians over all utterances of these passes; over the finite ones that are not all zero."""
        found: dict[tuple[str, str], list[torch.Tensor]] = {}
        for stations in passes:
            for station in stations:
                for place, flow in _flows(station):
                    found.setdefault((station.name, place), []).append(flow.by_utterance)
        levels = {}
        for key, several in found.items():
            values = torch.cat(several)
            sound = values[torch.isfinite(values) & (values > 0)]
            if len(sound):
                levels[key] = float(sound.log10().median())
        return cls(levels)

    def above(self, station: str, place: str, flow: Flow | None) -> torch.Tensor | None:
        """By how many orders of magnitude each utterance is above the usual, (B,); zeros are as usual."""
        if flow is None:
            return None
        levels = log_magnitudes(flow.by_utterance)
        return torch.where(flow.by_utterance > 0, levels - self.levels.get((station, place), 0.0), 0.0)


@final
@dataclass(frozen=True, slots=True)
class Suspicion:
    """How far a station let each utterance get out of hand, in orders of magnitude (B,), in one direction."""

    station: Station
    direction: Direction
    excess: torch.Tensor
    given: torch.Tensor

    @property
    def worst(self) -> float:
        """The largest excess."""
        return float(self.excess.max())

    @property
    def place(self) -> int:
        """In which order stations were done, in the direction."""
        return self.station.forward_place if self.direction == "forward" else self.station.backward_place

    @property
    def outcome(self) -> Flow:
        """What came out, in the direction."""
        flow = self.station.emerging if self.direction == "forward" else self.station.leaving
        assert flow is not None
        return flow

    @property
    def passes_on(self) -> bool:
        """Whether what went in was unusual already, and what came out still is."""
        return float(self.given.max()) >= LEAST_EXCESS and float((self.given + self.excess).max()) >= LEAST_EXCESS


def suspicions(stations: Sequence[Station], usual: Usual) -> list[Suspicion]:
    """One for every station and direction, in the order of time: forward, then backward."""
    found = []
    for station in stations:
        for direction, before, after in (
            ("forward", "entering", "emerging"),
            ("backward", "arriving", "leaving"),
        ):
            outcome = usual.above(station.name, after, getattr(station, after))
            if outcome is None:
                continue
            given = usual.above(station.name, before, getattr(station, before))
            given = torch.zeros_like(outcome) if given is None else given
            if _mixes(station):  # What was unusual in one utterance comes out of all of them.
                given = given.amax().expand_as(given)
            excess = (outcome - given).where(~_both_lost(station, before, after), 0.0)
            if station.is_head:  # Losses differ by nature: between them, only what is no number is unusual.
                excess = excess.where(~torch.isfinite(getattr(station, after).by_utterance), 0.0)
            found.append(Suspicion(station, direction, excess, given))  # type: ignore[arg-type]
    return sorted(found, key=lambda one: (one.direction == "backward", one.place))


def producer_among(suspects: Sequence[Suspicion]) -> Suspicion | None:
    """Who began: in the forward pass, if anybody there stands out, since all that follows is its consequence."""
    for direction in ("forward", "backward"):
        able = [one for one in suspects if one.direction == direction]
        worst = max((one.worst for one in able), default=0.0)
        if worst >= LEAST_EXCESS:
            return next(one for one in able if one.worst >= _NEARLY * worst)
    return None


def propagators_among(suspects: Sequence[Suspicion], producer: Suspicion) -> tuple[str, ...]:
    """Who passed it on, in the order in which it got there: those done later, and the producer's own parts."""
    start, inside = suspects.index(producer), f"{producer.station.name}."
    later = (
        one
        for place, one in enumerate(suspects)
        if place > start or (one.direction == producer.direction and one.station.name.startswith(inside))
    )
    names = [one.station.name for one in later if one.passes_on]
    return tuple(name for name in dict.fromkeys(names) if name != producer.station.name)


def utterances_of(producer: Suspicion) -> list[int]:
    """The places in the batch of those that the producer treated at least half as badly as the worst one."""
    return torch.nonzero(producer.excess >= producer.worst / 2).flatten().tolist()


def module_facts(suspects: Sequence[Suspicion], usual: Usual) -> tuple[ModuleFacts, ...]:
    """The growth at every station."""
    by_station: dict[str, dict[str, Suspicion]] = {}
    for one in suspects:
        by_station.setdefault(one.station.name, {})[one.direction] = one
    facts = []
    for name, both in by_station.items():
        station = next(iter(both.values())).station
        forward, backward = both.get("forward"), both.get("backward")
        facts.append(
            ModuleFacts(
                name,
                station.kind,
                _growth(forward, station.entering, station.emerging),
                _usual_growth(usual, name, "entering", "emerging"),
                _growth(backward, station.arriving, station.leaving),
                _usual_growth(usual, name, "arriving", "leaving"),
                0.0 if forward is None else forward.worst,
                0.0 if backward is None else backward.worst,
            )
        )
    return tuple(facts)


def _growth(one: Suspicion | None, before: Flow | None, after: Flow | None) -> float | None:
    if one is None or before is None or after is None:
        return None
    row = int(one.excess.argmax())
    entered, came = float(before.by_utterance[row]), float(after.by_utterance[row])
    return came / entered if entered > 0 and math.isfinite(entered) and math.isfinite(came) else None


def _usual_growth(usual: Usual, name: str, before: str, after: str) -> float | None:
    if (name, before) not in usual.levels or (name, after) not in usual.levels:
        return None
    return float(10.0 ** (usual.levels[name, after] - usual.levels[name, before]))


def _flows(station: Station) -> list[tuple[str, Flow]]:
    places = ("entering", "emerging", "arriving", "leaving")
    return [(place, flow) for place in places if (flow := getattr(station, place)) is not None]


def log_magnitudes(magnitudes: torch.Tensor) -> torch.Tensor:
    """Logarithms to base 10; of what is not finite, that of the largest number that there is."""
    return magnitudes.log10().clamp(max=_LARGEST)


def _both_lost(station: Station, before: str, after: str) -> torch.Tensor:
    """Which utterances were no numbers already, and still are none."""
    given, outcome = getattr(station, before), getattr(station, after)
    lost = ~torch.isfinite(outcome.by_utterance)
    if given is None:
        return torch.zeros_like(lost)
    already = ~torch.isfinite(given.by_utterance)
    return lost & (already.any() if _mixes(station) else already)


def _mixes(station: Station) -> bool:
    """Whether utterances know of each other there: where they are normalised by the batch."""
    return station.module is not None and any(isinstance(part, nn.BatchNorm1d) for part in station.module.modules())
