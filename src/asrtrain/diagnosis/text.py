"""An explanation, for reading."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from asrtrain.diagnosis.report import Explanation, ModuleFacts, RecurrenceFacts, UtteranceFacts

_SHOWN = 8


def as_text(explanation: Explanation) -> str:
    """The verdict, then what it rests on."""
    return "\n".join(_lines(explanation))


def _lines(e: Explanation) -> Iterator[str]:
    yield f"step {e.step} (epoch {e.epoch}): loss {e.loss:.4g}, gradient norm {e.norm:.4g}{_compared(e)}"
    yield ""
    yield e.verdict
    yield e.suggestion
    for fault in e.planted:
        yield f"A fault was planted here on purpose: {fault}"
    yield ""
    yield f"two replays agree bit for bit: {'yes' if e.repeats else 'NO'}"
    if e.propagators:
        yield f"passed on by: {', '.join(e.propagators)}"
    if e.infeasible:
        yield f"too short for what is said: {', '.join(e.infeasible)}"
    for odd in e.parameters:
        figures = f"{odd.not_finite} not finite, largest {odd.largest:.3g}, median {odd.usual:.3g}"
        yield f"odd parameter {odd.name}: {figures}"
    if e.frame is not None:
        yield (
            f"frame {e.frame.index} of {e.frame.of} at the module's rate: "
            f"feature frames {e.frame.first_feature_frame} to {e.frame.last_feature_frame}"
        )
    yield from _utterances(e)
    yield from _modules(e.modules)
    for facts in e.recurrences:
        yield from _recurrence(facts)


def _compared(e: Explanation) -> str:
    if e.median is None or not math.isfinite(e.norm) or e.median <= 0:
        return ""
    return f", {e.norm / e.median:.3g} times the median of the steps before"


def _utterances(e: Explanation) -> Iterator[str]:
    ranked = sorted(e.utterances, key=lambda fact: (fact.id != e.utterance, -_sortable(fact.norm)))
    width = max((len(fact.id) for fact in e.utterances), default=0)
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


def _modules(modules: Sequence[ModuleFacts]) -> Iterator[str]:
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


def _recurrence(facts: RecurrenceFacts) -> Iterator[str]:
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
