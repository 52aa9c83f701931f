"""What is found out about a step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, final

from asrtrain.diagnosis.facts import Frame, ModuleFacts, ParameterFacts, Producer, RecurrenceFacts, UtteranceFacts
from asrtrain.diagnosis.text import module_lines, recurrence_lines, utterance_lines


@final
@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that a replay found out about a step.

    producer is None where nothing stands out. utterance is None where all are alike, frame where the fault has no
    moment. repeats says whether two replays agree bit for bit. median is that of the norms of the steps before, where
    they are known.
    """

    step: int
    epoch: int
    loss: float
    norm: float
    median: float | None
    repeats: bool
    producer: Producer | None
    propagators: tuple[str, ...]
    parameters: tuple[ParameterFacts, ...]
    utterance: str | None
    frame: Frame | None
    utterances: tuple[UtteranceFacts, ...]
    modules: tuple[ModuleFacts, ...]
    recurrences: tuple[RecurrenceFacts, ...]
    infeasible: tuple[str, ...]
    planted: tuple[str, ...]
    verdict: str
    suggestion: str

    def to_text(self) -> str:
        """For reading."""
        return "\n".join(_lines(self))

    def to_json(self) -> dict[str, Any]:
        """As plain values; numbers that are not finite, which JSON does not have, as words."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain


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
    yield from utterance_lines(e.utterances, e.utterance)
    yield from module_lines(e.modules)
    for facts in e.recurrences:
        yield from recurrence_lines(facts)


def _compared(e: Explanation) -> str:
    if e.median is None or not math.isfinite(e.norm) or e.median <= 0:
        return ""
    return f", {e.norm / e.median:.3g} times the median of the steps before"


def _plain(value: Any) -> Any:  # noqa: ANN401 - a tree of plain values
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
