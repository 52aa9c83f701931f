"""Text normalisation: every script, every mark that editors leave behind."""

from __future__ import annotations

import itertools
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from asrtrain.data.invisible import check_invisible
from asrtrain.data.text import TextConfig
from asrtrain.types import Utterance

EVERY_CONFIG = [
    TextConfig(case=case, unicode=unicode, punctuation=punctuation)
    for case, unicode, punctuation in itertools.product(
        ("keep", "lower", "upper"), ("none", "NFC", "NFKC"), ("keep", "strip")
    )
]


@pytest.mark.parametrize("config", EVERY_CONFIG, ids=str)
@given(text=st.text())
@example(text="ŉ ǰ İstanbul ΐ Σας ﬁn ½ ｶﾞ don’t ʼn a'_b")
def test_normalising_twice_changes_nothing_more(config: TextConfig, text: str) -> None:
    once = config.normalise(text)
    assert config.normalise(once) == once
    assert once == " ".join(once.split())
    assert not set("\ufeff\u200b\u00ad\u2060\u200e") & set(once)


def test_byte_order_marks_and_line_ends_vanish() -> None:
    assert TextConfig().normalise("\ufeffzero  one\ttwo\u00a0three\r\n") == "zero one two three"


def test_letters_and_accents_are_joined_unless_told_otherwise() -> None:
    apart = unicodedata.normalize("NFD", "für Việt")
    assert TextConfig().normalise(apart) == "für Việt"
    assert TextConfig(unicode="none").normalise(apart) == apart


def test_compatibility_forms_are_unified_by_nfkc_only() -> None:
    assert TextConfig(unicode="NFKC").normalise("ｈｅｌｌｏ ﬁve") == "hello five"
    assert TextConfig(unicode="NFC").normalise("ｈｅｌｌｏ") == "ｈｅｌｌｏ"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Don't stop -- it's 5 o’clock, “now”!", "Don't stop it's 5 o’clock now"),
        ("'quoted' words'", "quoted words"),
        ("你好，世界。", "你好 世界"),
        ("مرحبا، كيف حالك؟", "مرحبا كيف حالك"),
        ("नमस्ते। कैसे हो?", "नमस्ते कैसे हो"),
        ("well-known (really)", "well known really"),
    ],
)
def test_punctuation_of_every_script_is_stripped(written: str, expected: str) -> None:
    assert TextConfig(punctuation="strip").normalise(written) == expected
    assert TextConfig().normalise(written) == " ".join(written.split())


@pytest.mark.parametrize("text", ["नमस्ते दुनिया", "你好世界", "السَّلَامُ عَلَيْكُمْ", "สวัสดี", "שָׁלוֹם"])
def test_scripts_without_case_pass_unharmed(text: str) -> None:
    composed = unicodedata.normalize("NFC", text)
    for case in ("keep", "lower", "upper"):
        assert TextConfig(case=case).normalise(text) == composed
    assert TextConfig(punctuation="strip").normalise(text) == composed


def test_case() -> None:
    assert TextConfig(case="lower").normalise("ÀÉ Straße") == "àé straße"
    assert TextConfig(case="upper").normalise("àé straße") == "ÀÉ STRASSE"


def test_what_nobody_sees_and_no_letter_needs_is_removed() -> None:
    written = "\u200blow\u00ad \u2060er\u200f\u202a\u2069"
    assert TextConfig(unicode="none").normalise(written) == "low er"
    joined = "می\u200cروم क्\u200dष"
    assert TextConfig().normalise(joined) == joined


def test_the_capital_i_with_a_dot_has_the_small_letter_that_it_looks_like() -> None:
    assert TextConfig(case="lower").normalise("İzmir") == "izmir"
    assert TextConfig(case="lower", unicode="none").normalise("I\u0307zmir") == "izmir"


def test_what_is_removed_is_named_and_counted() -> None:
    utterances = [Utterance(str(i), Path("a.wav"), text) for i, text in enumerate(("a\u200bb", "c", "d\u200b\u00ad"))]
    told = [complaint.message for complaint in check_invisible(utterances)]
    assert told == [
        "U+00AD SOFT HYPHEN is removed from the text",
        "U+200B ZERO WIDTH SPACE is removed from 2 texts, of which this is the first",
    ]
