"""Recordings that a recogniser cannot answer: silence, and what is far longer than all that it was trained on."""

from __future__ import annotations

from asrtrain.assembly import System
from asrtrain.data.condition import fault_in_words, fault_of, is_silent, may_be_silent
from asrtrain.types import Audio

_LONG, _TOO_LONG = 3.0, 10.0
"""Times the longest training recording: from here on it is said, and from here on nothing is answered."""


def is_unanswerable(system: System, audio: Audio) -> bool:
    """Whether any text would be made up: nothing is answered then, with confidence 0."""
    return _is_mute(system, audio) or (system.task == "classification" and _times(system, audio) > _TOO_LONG)


def strangeness(system: System, audio: Audio) -> str:
    """What is to be said of a recording before its transcript is believed; empty for one as any other."""
    if _is_mute(system, audio):
        cancelled = fault_of(audio.condition) == "cancelled"
        return f"is silent{' as its channels cancel each other' if cancelled else ''}: nothing is transcribed"
    fault = "" if is_silent(audio.condition) else fault_in_words(audio.condition)
    heard = f"{fault}: trust the transcript less" if fault else ""
    return "; ".join(filter(None, (heard, _length(system, audio))))


def _length(system: System, audio: Audio) -> str:
    if _times(system, audio) <= (_LONG if system.task == "classification" else _TOO_LONG):
        return ""
    answered = "nothing is transcribed" if is_unanswerable(system, audio) else "trust the transcript less"
    return f"lasts {audio.duration:.1f} s, and the longest recording in training {system.longest:.1f} s: {answered}"


def _is_mute(system: System, audio: Audio) -> bool:
    """A recogniser that has a label of silence answers with it."""
    known = system.task == "classification" and any(map(may_be_silent, system.vocabulary.symbols))
    return is_silent(audio.condition) and not known


def _times(system: System, audio: Audio) -> float:
    return audio.duration / system.longest if system.longest else 0.0
