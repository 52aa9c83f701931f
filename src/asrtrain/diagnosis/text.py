"""What is found out about the parts of a step, for reading."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from asrtrain.diagnosis.facts import ModuleFacts, RecurrenceFacts, UtteranceFacts

_SHOWN = 8


def utterance_lines(utterances: Sequence[UtteranceFacts], guilty: str | None) -> Iterator[str]:
    """A table of the utterances: the guilty one first, then those with the largest gradients."""
    ranked = sorted(utterances, key=lambda fact: (fact.id != guilty, -_sortable(fact.norm)))
    width = max((len(fact.id) for fact in utterances), default=0)
    yield ""
    yield f"{'utterance alone':{width}}       loss   gradient  frames  labels  repeats  features"
    for fact in ranked[:_SHOWN]:
        yield (
            f"{fact.id:{max(width, 15)}} {fact.loss:10.4g} {fact.norm:10.4g}  {fact.frames:6d}  {fact.labels:6d}  "
            f"{fact.repeats:7d}  {_features(fact)}"
        )
    if len(ranked) > _SHOWN:
        yield f"and {len(ranked) - _SHOWN} more"


def _features(fact: UtteranceFacts) -> str:
    features = fact.features
    said = f"{features.minimum:.3g} to {features.maximum:.3g}, mean {features.mean:.3g} ± {features.deviation:.3g}"
    if features.not_finite:
        said += f", {features.not_finite} not finite (from frame {features.first_not_finite})"
    if features.constant:
        said += ", constant"
    return f"{said}, {100 * features.silence:.0f} % quiet"


def module_lines(modules: Sequence[ModuleFacts]) -> Iterator[str]:
    """A table of the modules that grow most unusually."""
    ranked = sorted(modules, key=lambda fact: -max(fact.forward_excess, fact.backward_excess))[:_SHOWN]
    width = max((len(fact.name) for fact in ranked), default=0)
    yield ""
    yield f"{'most unusual':{max(width, 12)}}  growth forward (usual)   growth backward (usual)"
    for fact in ranked:
        forward, backward = _pair(fact.forward, fact.forward_usual), _pair(fact.backward, fact.backward_usual)
        yield f"{fact.name:{max(width, 12)}}  {forward:23}  {backward}"


def _pair(growth: float | None, usual: float | None) -> str:
    return f"{_number(growth)} ({_number(usual)})"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def recurrence_lines(facts: RecurrenceFacts) -> Iterator[str]:
    """The gradient inside a recurrent layer."""
    way = ", reading backwards" if facts.reversed else ""
    finite = [norm for norm in facts.gradients if math.isfinite(norm)]
    smallest, largest = (min(finite), max(finite)) if finite else (math.nan, math.nan)
    yield ""
    yield f"{facts.module} ({facts.kind}{way}), over {len(facts.gradients)} frames"
    yield f"  ‖∂L/∂h_t‖ from {smallest:.3g} to {largest:.3g}{_lost(facts)}; {_growth(facts)}"
    yield f"  largest singular values: {_figures(facts.spectral)}"
    yield f"  at the end of their range: {_shares(facts.saturated)}"
    if facts.difference > 1e-3 * max(1.0, *facts.states):
        yield f"  recomputed alone, its states differ by {facts.difference:.3g}: it did not do what its weights say"


def _lost(facts: RecurrenceFacts) -> str:
    lost = sum(not math.isfinite(norm) for norm in facts.gradients)
    return f", {lost} not finite" if lost else ""


def _growth(facts: RecurrenceFacts) -> str:
    said = "no growth to speak of" if facts.growth is None else f"{facts.growth:.4g} times a frame on its way back"
    return said if facts.onset is None else f"{said}, from frame {facts.onset} on"


def _figures(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in values.items())


def _shares(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {100 * value:.0f} %" for name, value in values.items())


def _sortable(value: float) -> float:
    return value if math.isfinite(value) else math.inf
