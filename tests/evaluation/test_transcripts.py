"""Transcripts in every format."""

from __future__ import annotations

import json

import pytest

from asrtrain.evaluation import WRITERS, Transcript
from asrtrain.types import Hypothesis, TimedWord

WORDS = tuple(TimedWord(f"w{i}", i * 0.5, i * 0.5 + 0.4, 0.9) for i in range(12))
LONG = Transcript("long.wav", 3700.0, Hypothesis("long", " ".join(w.text for w in WORDS), 0.9, WORDS))
WORD = Transcript("yes.wav", 0.8, Hypothesis("yes", "ja – да", 0.75))


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_ends_its_last_line_and_keeps_any_script(name: str) -> None:
    text = WRITERS[name](WORD)
    assert text.endswith("\n")
    assert "ja – да" in text


def test_subtitles_break_long_lines_and_number_their_cues() -> None:
    cues = WRITERS["srt"](LONG).split("\n\n")
    assert cues[0] == "1\n00:00:00,000 --> 00:00:04,900\n" + " ".join(w.text for w in WORDS[:10])
    assert cues[1].startswith("2\n00:00:05,000 --> 00:00:05,900\nw10 w11")
    assert WRITERS["vtt"](LONG).startswith("WEBVTT\n\n00:00:00.000 --> 00:00:04.900\n")


def test_subtitles_break_at_pauses_and_count_hours() -> None:
    words = (TimedWord("a", 1.0, 1.5, 1.0), TimedWord("b", 3661.0, 3661.25, 1.0))
    text = WRITERS["srt"](Transcript("x", 3662.0, Hypothesis("x", "a b", 1.0, words)))
    assert "01:01:01,000 --> 01:01:01,250\nb" in text


def test_tables_are_in_milliseconds() -> None:
    assert WRITERS["tsv"](WORD) == "start\tend\ttext\n0\t800\tja – да\n"


def test_json_has_words_with_times() -> None:
    loaded = json.loads(WRITERS["json"](LONG))
    assert loaded["words"][1] == {"word": "w1", "start": 0.5, "end": 0.9, "confidence": 0.9}
    assert json.loads(WRITERS["jsonl"](WORD))["text"] == "ja – да"


def test_silence_has_no_cue() -> None:
    assert WRITERS["srt"](Transcript("x", 1.0, Hypothesis("x", "", 1.0))) == ""


def test_subtitles_hold_no_markup_that_nobody_said() -> None:
    said = Transcript("a", 1.0, Hypothesis("a", "R&D <noise> --> x", 1.0))
    assert WRITERS["vtt"](said).splitlines()[3] == "R&amp;D &lt;noise&gt; --&gt; x"
    assert WRITERS["srt"](said).splitlines()[2] == "R&D <noise> -> x"
