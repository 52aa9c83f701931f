"""What is said to people holds nothing that a terminal obeys, and loses nothing that it means."""

from __future__ import annotations

import io
import json
import sys

import pytest

from asrtrain.terminal import mention, readable, remembering, say, show, show_json

TITLE = "\x1b]0;mine\x07"


def test_commands_are_shown_and_text_of_any_script_stays() -> None:
    assert readable(f"low{TITLE}\x9b2J\r\x7f") == r"low\x1b]0;mine\x07\x9b2J\r\x7f"
    assert readable("txt\u202egnp.exe \u2066") == r"txt\u202egnp.exe \u2066"
    kept = "ноль\tएक 二 שלום \u200fمرحبا\u200e é\u200d\n"
    assert readable(kept) == kept


def test_messages_and_results_show_them(capsys: pytest.CaptureFixture[str]) -> None:
    with remembering() as said:
        say(f"a{TITLE}")
    show(f"b{TITLE}")
    mention(f"c{TITLE}")
    out, err = capsys.readouterr()
    assert err == "a\\x1b]0;mine\\x07\n"
    assert out == "b\\x1b]0;mine\\x07\nc\\x1b]0;mine\\x07\n"
    assert said == [f"a{TITLE}"]


def test_json_says_exactly_the_same_with_json_s_own_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"text": f"é{TITLE}\x9b\u202e", "rows": [1, 2.5, None]}
    show_json(value)
    out = capsys.readouterr().out
    assert json.loads(out) == value
    assert "é" in out and not {"\x1b", "\x07", "\x9b", "\u202e"} & set(out)


def test_json_for_an_encoding_without_the_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    show_json({"text": "é😀"})
    sys.stdout.flush()
    assert json.loads(raw.getvalue()) == {"text": "é😀"}


@pytest.mark.parametrize("number", [32, 28, 5])
def test_a_message_that_nobody_can_take_is_no_error(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(number, "gone")

    monkeypatch.setattr(sys, "stderr", Broken())
    say("a word")
    monkeypatch.setattr(sys, "stdout", Broken())
    mention("a word")
