"""From a step to its explanation, as a story: replay twice → listen → blame → each utterance alone → time → verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import final

import torch
from torch import nn

from asrtrain.diagnosis.blame import (
    LEAST_EXCESS,
    Suspicion,
    Usual,
    module_facts,
    producer_among,
    propagators_among,
    suspicions,
    utterances_of,
)
from asrtrain.diagnosis.facts import Frame, ParameterFacts, Producer, RecurrenceFacts, UtteranceFacts
from asrtrain.diagnosis.frames import frame_of, reads_backwards
from asrtrain.diagnosis.parameters import odd_parameters, owner
from asrtrain.diagnosis.recurrence import recurrence_facts
from asrtrain.diagnosis.replay import Network, replay, replaying
from asrtrain.diagnosis.report import Explanation
from asrtrain.diagnosis.taps import FEATURES, Station, listen
from asrtrain.diagnosis.utterances import alone, outstanding, utterance_facts
from asrtrain.diagnosis.verdict import suggestion_for, verdict_on
from asrtrain.training.injection import PlantedFaults, nothing_planted
from asrtrain.training.trace import generator_states
from asrtrain.types import Batch

_RUNS_AWAY = 100.0
"""A recurrence whose gradient becomes so many times what arrives is a cause by itself; a state ten times that."""


@final
@dataclass(frozen=True, slots=True)
class Case:
    """A step to be explained: its batch, what is known of it, and sound batches to compare it with, if there are any.

    generators are the states from before the step, ``planted`` lets the faults act again that were planted in it.
    median is the median norm of the steps before.
    """

    batch: Batch
    step: int
    epoch: int
    sound: Sequence[Batch] = ()
    generators: Mapping[str, torch.Tensor] | None = None
    median: float | None = None
    planted: PlantedFaults | None = None


def explain(network: Network, case: Case) -> Explanation:
    """Replay a step with the weights that the model has, and say where it went wrong. Leaves no trace in the model.

    Takes some twenty times as long as the step, and a replay of every utterance alone.
    """
    device = case.batch.features.device
    with replaying(network.model, device, case.generators or generator_states(device)):
        return _Inquiry(network, case).explanation()


@final
class _Inquiry:
    """The replays of one case, and what they show together."""

    def __init__(self, network: Network, case: Case) -> None:
        self._network, self._case = network, case
        device = case.batch.features.device
        planted = case.planted or nothing_planted
        generators = case.generators or generator_states(device)

        def from_the_start() -> AbstractContextManager[None]:
            """What one replay does to running statistics is not to be seen by the next."""
            return replaying(network.model, device, generators)

        with from_the_start():
            self._pass = replay(network, case.batch, planted)
        with from_the_start():
            self._repeats = self._pass.same_as(replay(network, case.batch, planted))
        with from_the_start():
            self._stations, _ = listen(network, case.batch, planted)
        with from_the_start():
            sound = [listen(network, batch)[0] for batch in case.sound]
        self._usual = Usual.of(sound or [self._stations])
        self._suspects = suspicions(self._stations, self._usual)
        self._odd = odd_parameters(network.model)
        with from_the_start():
            apart = alone(network, case.batch, planted)
        with planted(case.batch) as given:
            self._utterances = utterance_facts(network, given, apart)

    def explanation(self) -> Explanation:
        """Everything, joined."""
        case, suspicion = self._case, producer_among(self._suspects)
        row = self._guilty(suspicion)
        worst = self._worst() if row is None else row
        recurrences = self._recurrences(worst)
        infeasible = tuple(fact.id for fact in self._utterances if not fact.feasible)
        producer = self._as_producer(suspicion) or self._odd_module() or _running_away(recurrences)
        producer = producer or self._unalignable(infeasible)
        if producer and producer.excess == 0.0 and not suspicion:
            row = next(i for i, fact in enumerate(self._utterances) if not fact.feasible)
        utterance = None if row is None else self._utterances[row]
        frame = self._frame(suspicion, row, producer, recurrences)
        verdict = verdict_on(producer, utterance, frame, utterances=len(self._utterances), repeats=self._repeats)
        return Explanation(
            step=case.step,
            epoch=case.epoch,
            loss=self._pass.loss / max(1, len(self._utterances) - len(infeasible)),
            norm=self._pass.norm,
            median=case.median,
            repeats=self._repeats,
            producer=producer,
            propagators=propagators_among(self._suspects, suspicion) if suspicion else (),
            parameters=self._odd,
            utterance=None if utterance is None else utterance.id,
            frame=frame,
            utterances=self._utterances,
            modules=module_facts(self._suspects, self._usual),
            recurrences=recurrences,
            infeasible=infeasible,
            planted=case.planted.names if case.planted else (),
            verdict=verdict,
            suggestion=suggestion_for(producer, utterance, self._odd, self._usual_norm(suspicion)),
        )

    def _guilty(self, suspicion: Suspicion | None) -> int | None:
        """The utterance that the producer treated badly; where it did so to all, the one that is faulty alone too."""
        everyone = range(len(self._utterances))
        rows = list(everyone) if suspicion is None else utterances_of(suspicion)
        if len(rows) == 1:
            return rows[0]
        standing_out = [row for row in outstanding(self._utterances, LEAST_EXCESS) if row in rows]
        if len(standing_out) in (0, len(everyone)):
            return None
        return max(standing_out, key=lambda row: _severity(self._utterances[row]))

    def _worst(self) -> int:
        return max(range(len(self._utterances)), key=lambda row: _severity(self._utterances[row]))

    def _as_producer(self, suspicion: Suspicion | None) -> Producer | None:
        if suspicion is None:
            return None
        station, outcome = suspicion.station, suspicion.outcome
        lost = not bool(torch.isfinite(outcome.largest).all())
        odd = next((fact for fact in self._odd if self._station_of(fact) == station.name), None)
        what = "NaN" if outcome.nan else "infinite numbers"
        if odd is not None:
            how = f"its parameter {odd.name} is odd: {_oddity(odd)}"
        elif station.name == FEATURES:
            how = (
                f"the features hold {what}"
                if lost
                else f"the features are {10**suspicion.worst:.2g} times as large as usual"
            )
        elif lost:
            how = f"sound numbers went in, {what} came out"
        else:
            how = f"numbers grew {10**suspicion.worst:.2g} times as much as usual"
        return Producer(station.name, station.kind, suspicion.direction, math.inf if lost else suspicion.worst, how)

    def _unalignable(self, infeasible: Sequence[str]) -> Producer | None:
        head = next(station for station in self._stations if station.is_head)
        how = f"too few frames for what is said in {', '.join(infeasible)}"
        return Producer(head.name, head.kind, "forward", 0.0, how) if infeasible else None

    def _odd_module(self) -> Producer | None:
        if not self._odd:
            return None
        name, odd = self._station_of(self._odd[0]), self._odd[0]
        kind = next(station.kind for station in self._stations if station.name == name)
        return Producer(name, kind, "forward", math.inf, f"its parameter {odd.name} is odd: {_oddity(odd)}")

    def _station_of(self, odd: ParameterFacts) -> str:
        """The module that owns a parameter, or the one around it that does its work."""
        name, known = owner(odd.name), {station.name for station in self._stations}
        while name and name not in known:
            name = owner(name)
        return name

    def _recurrences(self, row: int) -> tuple[RecurrenceFacts, ...]:
        facts = []
        for station in self._stations:
            cell = station.module
            if isinstance(cell, nn.RNNBase) and {"entering", "emerging", "arriving"} <= station.tensors.keys():
                facts.append(self._recurrence(station, cell, row))
        return tuple(facts)

    def _recurrence(self, station: Station, cell: nn.RNNBase, row: int) -> RecurrenceFacts:
        assert station.emerging is not None
        length = max(1, int(station.emerging.lengths[row]))
        entering, emerging, arriving = (
            station.tensors[what][row, :length].float() for what in ("entering", "emerging", "arriving")
        )
        backwards = reads_backwards(cell, self._network.model)
        assert station.leaving is not None
        leaving = station.leaving.largest[row, :length]
        return recurrence_facts(station.name, cell, entering, emerging, arriving, leaving=leaving, backwards=backwards)

    def _frame(
        self,
        suspicion: Suspicion | None,
        row: int | None,
        producer: Producer | None,
        recurrences: Sequence[RecurrenceFacts],
    ) -> Frame | None:
        if suspicion is not None and row is not None:
            where = "emerging" if suspicion.direction == "forward" else "leaving"
            usual = self._usual.levels.get((suspicion.station.name, where), 0.0)
            return frame_of(suspicion, row, usual, self._network.model)
        if suspicion is None and producer is not None and not self._odd:
            return next(
                (_onset(facts, self._factor(facts)) for facts in recurrences if facts.module == producer.module), None
            )
        return None

    def _usual_norm(self, suspicion: Suspicion | None) -> float | None:
        """The norm of a sound step: the median of those before, or that of utterances where only some are at fault."""
        if self._case.median is not None or suspicion is None:
            return self._case.median
        norms = sorted(fact.norm for fact in self._utterances if math.isfinite(fact.norm) and fact.norm > 0)
        return norms[len(norms) // 2] if norms else None

    def _factor(self, facts: RecurrenceFacts) -> int:
        flow = next(station.emerging for station in self._stations if station.name == facts.module)
        assert flow is not None
        return flow.factor


def _severity(fact: UtteranceFacts) -> float:
    return fact.norm if math.isfinite(fact.norm) and math.isfinite(fact.loss) else math.inf


def _running_away(recurrences: Sequence[RecurrenceFacts]) -> Producer | None:
    """A recurrence that explodes by itself: its state on the way forward, or else its gradient on the way back."""
    for facts in recurrences:
        largest = max(facts.states)
        if largest > 10 * _RUNS_AWAY * facts.largest_input > 0:
            how = f"its state grows to {largest / facts.largest_input:.2g} times its input"
            return Producer(facts.module, facts.kind, "forward", math.log10(largest / facts.largest_input), how)
    exploding = [facts for facts in recurrences if facts.rise >= _RUNS_AWAY and (facts.growth or 0.0) > 1.0]
    if not exploding:
        return None
    worst = max(exploding, key=lambda facts: facts.rise)
    how = f"the gradient grows {worst.growth:.3g} times a frame on its way back, {worst.rise:.2g} times in all"
    return Producer(worst.module, worst.kind, "backward", math.log10(worst.rise), how)


def _onset(facts: RecurrenceFacts, factor: int) -> Frame | None:
    if facts.onset is None:
        return None
    return Frame(facts.onset, len(facts.gradients), facts.onset * factor, (facts.onset + 1) * factor - 1)


def _oddity(odd: ParameterFacts) -> str:
    if odd.not_finite:
        return f"{odd.not_finite} of its weights are not finite"
    return f"its largest weight is {odd.largest:.3g}, half of them are below {odd.usual:.2g}"
