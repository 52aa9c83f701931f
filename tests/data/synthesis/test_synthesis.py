"""Synthetic digits: the same in every process, in voices that do not leak, of a sane length."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from pydantic import ValidationError

from asrtrain.data.digits import DIGITS
from asrtrain.data.synthesis import SynthConfig
from asrtrain.data.synthesis.engine import Engine
from asrtrain.data.synthesis.lexicon import ENGLISH, FOREIGN
from asrtrain.data.synthesis.trimming import trim
from asrtrain.data.synthesis.voices import HELD_OUT
from asrtrain.errors import DataError, UsageError
from asrtrain.types import Utterance

pytest.importorskip("espeakng_loader", reason="the extra `synthesis` is not installed")

FRESH_PROCESS = """
import hashlib, sys
from pathlib import Path
from typing import Any
from asrtrain.data.synthesis import SynthConfig
made = SynthConfig(count=60, max_words=3, split=sys.argv[2]).load(Path(sys.argv[1]))
assert "torch" not in sys.modules
print(hashlib.sha256(b"".join(u.audio.read_bytes() + u.text.encode() for u in made)).hexdigest())
"""


def _digest(utterances: list[Utterance]) -> str:
    return hashlib.sha256(b"".join(u.audio.read_bytes() + u.text.encode() for u in utterances)).hexdigest()


def _in_a_fresh_process(cache: Path, split: str) -> str:
    command = [sys.executable, "-c", FRESH_PROCESS, str(cache), split]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_bit_identical_in_every_process_whatever_was_said_before(tmp_path: Path) -> None:
    first = _in_a_fresh_process(tmp_path / "a", "held_out")
    second = _in_a_fresh_process(tmp_path / "b", "held_out")
    SynthConfig(count=3).load(tmp_path / "c")
    here = SynthConfig(count=60, max_words=3, split="held_out").load(tmp_path / "c")
    assert first == second == _digest(here)


def test_every_digit_as_often_in_words_of_a_sane_length(tmp_path: Path) -> None:
    made = SynthConfig(count=200, rate=(120, 240)).load(tmp_path)
    assert Counter(u.text for u in made) == dict.fromkeys(DIGITS, 20)
    durations = [u.duration or 0 for u in made]
    assert min(durations) >= 0.1 and max(durations) < 1.3
    assert 0.25 < sum(durations) / len(made) < 0.6
    info = soundfile.info(made[0].audio)
    assert (info.samplerate, info.channels, info.subtype) == (8000, 1, "PCM_16")
    assert all(abs(soundfile.read(u.audio)[0]).max() > 0.02 for u in made)


def test_strings_have_as_many_digits_as_asked_and_grow_with_them(tmp_path: Path) -> None:
    made = SynthConfig(count=60, min_words=3, max_words=7, text="digits", sample_rate=16000).load(tmp_path)
    counts = [len(u.text.split()) for u in made]
    assert set(counts) == {3, 4, 5, 6, 7}
    assert {digit for u in made for digit in u.text.split()} == set("0123456789")
    per_digit = [(u.duration or 0) / count for u, count in zip(made, counts, strict=True)]
    assert min(per_digit) >= 0.1 and max(per_digit) < 1.0
    assert soundfile.info(made[0].audio).samplerate == 16000


def test_held_out_voices_never_speak_in_training(tmp_path: Path) -> None:
    train = {u.speaker for u in SynthConfig(count=600).load(tmp_path)}
    held_out = {u.speaker for u in SynthConfig(count=120, split="held_out").load(tmp_path)}
    assert held_out == HELD_OUT
    assert not train & held_out
    assert len(train) > 80


def test_a_longer_list_begins_with_the_shorter_one(tmp_path: Path) -> None:
    shorter = SynthConfig(count=20).load(tmp_path)
    longer = SynthConfig(count=40).load(tmp_path)
    assert _digest(longer[:20]) == _digest(shorter)
    assert _digest(SynthConfig(count=20, seed=1).load(tmp_path)) != _digest(shorter)


def test_chosen_accents_and_variants_are_the_only_ones(tmp_path: Path) -> None:
    settings = {"count": 20, "accents": ["en-us"], "foreign": 0, "variants": ["f1", "m1"], "rate": [150, 150]}
    narrow = SynthConfig.model_validate(settings).load(tmp_path)
    assert {u.speaker for u in narrow} == {"f1", "m1"}
    foreign = SynthConfig.model_validate({**settings, "foreign": 1, "foreign_accents": ["de"]}).load(tmp_path)
    assert [u.text for u in foreign] == [u.text for u in narrow]
    assert _digest(foreign) != _digest(narrow)


@pytest.mark.parametrize("accent", [*ENGLISH, *FOREIGN])
def test_every_accent_says_every_digit(accent: str) -> None:
    spelt = {**ENGLISH, **FOREIGN}[accent]
    assert len(spelt.digits) == 10
    with Engine() as engine:
        said = [
            engine.speak(digit, spelt.language, "f1", rate=175, pitch=50, pitch_range=50, seed=1)
            for digit in spelt.digits
        ]
    assert min(len(samples) for samples in said) > 0.15 * engine.sample_rate
    # A word read letter by letter, which is what espeak-ng does with what it cannot read, takes far longer.
    assert max(len(samples) for samples in said) < 1.3 * engine.sample_rate


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"min_words": 3, "max_words": 2}, r"min_words \(3\) is greater than max_words \(2\)"),
        ({"accents": ["en", "klingon"]}, "accents: no accent klingon; there are en, en-us"),
        ({"foreign_accents": ["en"]}, "foreign_accents: no accent en; there are cs"),
        ({"rate": [10, 200]}, r"\[10.0, 200.0\] is not within \[80, 450\]"),
        ({"pitch": [0, 120]}, "is not within"),
        ({"split": "dev"}, "split"),
        ({"trim": 3}, "less than 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        SynthConfig.model_validate(settings)


def test_complaints_of_the_voices(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no variant f99; it has Alex, "):
        SynthConfig(variants=("f99",)).load(tmp_path)
    with pytest.raises(DataError, match=r"no variant is left in the split held_out; those held out are Andrea"):
        SynthConfig(variants=("f1",), split="held_out").load(tmp_path)
    with Engine() as engine, pytest.raises(DataError, match=r"no voice en\+nobody"):
        engine.speak("one", "en", "nobody", rate=175, pitch=50, pitch_range=50, seed=1)
    assert not list(tmp_path.iterdir())


def test_trimming_keeps_ten_milliseconds_around_what_is_loud() -> None:
    silence, tone = np.zeros(8000, np.float32), np.ones(4000, np.float32)
    trimmed = trim(np.concatenate([silence, tone, silence]), 8000, -50.0)
    assert len(trimmed) == 4000 + 2 * 80
    assert len(trim(silence, 8000, -50.0)) == 0


def test_voices_that_say_next_to_nothing_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="says next to nothing in 20 voices"):
        SynthConfig(trim=-0.001).load(tmp_path)


def test_a_missing_package_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(
        UsageError, match=r"^speech synthesis by espeak-ng \(GPL-3\.0\) needs espeakng-loader.* pip install"
    ):
        SynthConfig().load(tmp_path)


def _interrupt_at_block(engine: Engine, block: int) -> None:
    """Let Ctrl-C arrive while espeak-ng hands over a block of samples."""
    receive = engine._receive

    def interrupted(*given: Any) -> int:
        if len(engine._chunks) == block:
            signal.raise_signal(signal.SIGINT)
        return receive(*given)

    engine._callback = type(engine._callback)(interrupted)
    engine._espeak.espeak_SetSynthCallback(engine._callback)


@pytest.mark.parametrize("block", [0, 3])
def test_an_interrupt_while_samples_are_handed_over_is_obeyed(block: int) -> None:
    with Engine() as engine:
        _interrupt_at_block(engine, block)
        with pytest.raises(KeyboardInterrupt):
            engine.speak("seven", "en", "f1", rate=175, pitch=50, pitch_range=50, seed=1)


def test_a_block_of_samples_that_cannot_be_taken_is_an_error() -> None:
    class Full(list[Any]):
        def append(self, item: Any) -> None:
            raise MemoryError("no room for a block")

    with Engine() as engine:
        engine._chunks = Full()
        with pytest.raises(MemoryError, match="no room for a block"):
            engine.speak("seven", "en", "f1", rate=175, pitch=50, pitch_range=50, seed=1)


def test_every_voice_says_all_of_a_long_text_at_any_rate() -> None:
    text = "seven. four, nine! zero?\n\nA longer paragraph, which takes its time; and does not end soon."
    with Engine() as engine:
        for number, variant in enumerate(engine.variants):
            rate = (80, 260, 300, 450)[number % 4]
            assert len(engine.speak(text, "en", variant, rate=rate, pitch=50, pitch_range=50, seed=1))
