"""Writing transcripts down: plain text, JSON, subtitles and tables, as users of Whisper's command line expect them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from asrtrain.files.names import in_utf8
from asrtrain.types import Hypothesis, Seconds, TimedWord

MAX_CUE_WORDS = 10
MAX_CUE_PAUSE: Seconds = 1.0


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was recognised in one recording."""

    audio: str
    duration: Seconds
    hypothesis: Hypothesis

    def to_json(self) -> dict[str, Any]:
        words = [
            {"word": w.text, "start": round(w.start, 3), "end": round(w.end, 3), "confidence": round(w.confidence, 4)}
            for w in self.hypothesis.words
        ]
        return {
            "audio": in_utf8(self.audio),
            "duration": round(self.duration, 3),
            "text": self.hypothesis.text,
            "confidence": round(self.hypothesis.confidence, 4),
            "words": words,
        }


def _txt(transcript: Transcript) -> str:
    return transcript.hypothesis.text + "\n"


def _json(transcript: Transcript) -> str:
    return json.dumps(transcript.to_json(), ensure_ascii=False, indent=2) + "\n"


def _jsonl(transcript: Transcript) -> str:
    return json.dumps(transcript.to_json(), ensure_ascii=False) + "\n"


def _srt(transcript: Transcript) -> str:
    """SubRip knows no way to write an arrow but a shorter one, as Whisper does."""
    cues = [
        f"{number}\n{_clock(start, ',')} --> {_clock(end, ',')}\n{text.replace('-->', '->')}\n"
        for number, (start, end, text) in enumerate(_cues(transcript), start=1)
    ]
    return "\n".join(cues)


def _vtt(transcript: Transcript) -> str:
    """WebVTT reads ``&``, ``<`` and ``>`` as markup, so they are written as HTML writes them."""
    cues = [
        f"{_clock(start, '.')} --> {_clock(end, '.')}\n{escape(text, quote=False)}\n"
        for start, end, text in _cues(transcript)
    ]
    return "\n".join(["WEBVTT\n", *cues])


def _tsv(transcript: Transcript) -> str:
    rows = [f"{round(1000 * start)}\t{round(1000 * end)}\t{text}" for start, end, text in _cues(transcript)]
    return "\n".join(["start\tend\ttext", *rows]) + "\n"


WRITERS: dict[str, Callable[[Transcript], str]] = {
    "txt": _txt,
    "json": _json,
    "jsonl": _jsonl,
    "srt": _srt,
    "vtt": _vtt,
    "tsv": _tsv,
}
"""Format name → the text of one transcript in that format; times in tsv are milliseconds, as Whisper writes them."""


def _cues(transcript: Transcript) -> Iterator[tuple[Seconds, Seconds, str]]:
    """The words in lines of at most ten, broken where the speaker pauses; without word times, one line for all."""
    hypothesis = transcript.hypothesis
    if not hypothesis.words:
        if hypothesis.text:
            yield 0.0, transcript.duration, hypothesis.text
        return
    line: list[TimedWord] = []
    for word in hypothesis.words:
        if line and (len(line) == MAX_CUE_WORDS or word.start - line[-1].end > MAX_CUE_PAUSE):
            yield _cue(line)
            line = []
        line.append(word)
    yield _cue(line)


def _cue(words: Sequence[TimedWord]) -> tuple[Seconds, Seconds, str]:
    return words[0].start, words[-1].end, " ".join(word.text for word in words)


def _clock(seconds: Seconds, decimal: str) -> str:
    """``00:01:02,345``; Whisper's own cues have hours always, so ours have."""
    milliseconds = round(seconds * 1000)
    hours, rest = divmod(milliseconds, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    whole, thousandths = divmod(rest, 1000)
    return f"{hours:02d}:{minutes:02d}:{whole:02d}{decimal}{thousandths:03d}"
