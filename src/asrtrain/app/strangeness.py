"""Recordings that a recogniser cannot answer: silence, and what is far longer than all that it was trained on."""

from __future__ import annotations

from asrtrain.assembly import Recogniser
from asrtrain.data.condition import fault_in_words, fault_of, is_silent, may_be_silent
from asrtrain.types import Audio

_LONG, _TOO_LONG = 3.0, 10.0
"""Times the longest training recording: from here on it is said, and from here on nothing is answered."""


def is_unanswerable(recogniser: Recogniser, audio: Audio) -> bool:
    """Whether any text would be made up: nothing is answered then, with confidence 0."""
    return _is_mute(recogniser, audio) or (
        recogniser.task == "classification" and _times(recogniser, audio) > _TOO_LONG
    )


def strangeness(recogniser: Recogniser, audio: Audio) -> str:
    """What is to be said of a recording before its transcript is believed; empty for one as any other."""
    if _is_mute(recogniser, audio):
        cancelled = fault_of(audio.condition) == "cancelled"
        return f"is silent{' as its channels cancel each other' if cancelled else ''}: nothing is transcribed"
    fault = "" if is_silent(audio.condition) else fault_in_words(audio.condition)
    heard = f"{fault}: trust the transcript less" if fault else ""
    return "; ".join(filter(None, (heard, _length(recogniser, audio))))


def _length(recogniser: Recogniser, audio: Audio) -> str:
    if _times(recogniser, audio) <= (_LONG if recogniser.task == "classification" else _TOO_LONG):
        return ""
    answered = "nothing is transcribed" if is_unanswerable(recogniser, audio) else "trust the transcript less"
    return f"lasts {audio.duration:.1f} s, and the longest recording in training {recogniser.longest:.1f} s: {answered}"


def _is_mute(recogniser: Recogniser, audio: Audio) -> bool:
    """A recogniser that has a label of silence answers with it."""
    known = recogniser.task == "classification" and any(map(may_be_silent, recogniser.vocabulary.symbols))
    return is_silent(audio.condition) and not known


def _times(recogniser: Recogniser, audio: Audio) -> float:
    return audio.duration / recogniser.longest if recogniser.longest else 0.0
