"""Vocabularies: symbols to ids and back, in any script, through tokens.txt."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asrtrain.data.text import TextConfig
from asrtrain.data.vocabulary import BLANK, Unit, Vocabulary
from asrtrain.errors import DataError

UNITS: tuple[Unit, ...] = ("label", "char", "word")
SCRIPTS = ["नमस्ते दुनिया", "你好 世界", "السلام عليكم", "zero one", "it's a | bar", "größer 𝄞"]
TEXTS = st.lists(
    st.text(st.characters(exclude_categories=("Cs",)))
    .map(TextConfig().normalise)
    .filter(lambda text: text and BLANK not in text.split()),
    min_size=1,
)


@pytest.mark.parametrize("unit", UNITS)
@given(texts=TEXTS)
def test_texts_come_back_through_ids_and_through_tokens_txt(
    unit: Unit, texts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    vocabulary = Vocabulary.from_texts(texts, unit)
    path = tmp_path_factory.mktemp("vocabulary") / "tokens.txt"
    vocabulary.save(path)
    assert Vocabulary.load(path, unit) == vocabulary
    for text in texts:
        assert vocabulary.decode(vocabulary.encode(text)) == text


@pytest.mark.parametrize("unit", UNITS)
def test_order_is_that_of_code_points_whatever_the_order_of_texts(unit: Unit) -> None:
    vocabulary = Vocabulary.from_texts(SCRIPTS, unit)
    assert vocabulary == Vocabulary.from_texts(reversed(SCRIPTS), unit)
    symbols = vocabulary.symbols if unit == "label" else vocabulary.symbols[1:]
    assert list(symbols) == sorted(symbols)


def test_blank_is_symbol_0_of_transcripts_and_labels_have_none() -> None:
    assert Vocabulary.from_texts(["ab"], "char").symbols == (BLANK, "a", "b")
    assert Vocabulary.from_texts(["b a"], "word").symbols == (BLANK, "a", "b")
    assert Vocabulary.from_texts(["yes", "no"], "label").symbols == ("no", "yes")
    assert Vocabulary.from_texts(["ab"], "char").decode([1, 0, 2]) == "ab"


def test_tokens_txt_writes_a_space_as_a_bar(tmp_path: Path) -> None:
    Vocabulary.from_texts(["a |"], "char").save(tmp_path / "tokens.txt")
    assert (tmp_path / "tokens.txt").read_text() == "<blank> 0\n| 1\na 2\n<bar> 3\n"


def test_a_label_may_have_spaces(tmp_path: Path) -> None:
    vocabulary = Vocabulary.from_texts(["turn left", "|"], "label")
    vocabulary.save(tmp_path / "tokens.txt")
    assert Vocabulary.load(tmp_path / "tokens.txt", "label").symbols == ("turn left", "|")


@pytest.mark.parametrize(
    ("unit", "text", "named"),
    [
        ("label", "maybe", "no such class in the vocabulary: 'maybe'"),
        ("char", "hüh", "no such character in the vocabulary: 'h', 'ü' (U+00FC)"),
        ("word", "no way <blank>", "no such word in the vocabulary: 'way', '<blank>'"),
    ],
)
def test_unseen_symbols_are_named(unit: Unit, text: str, named: str) -> None:
    vocabulary = Vocabulary.from_texts(["yes", "no"], unit)
    with pytest.raises(DataError, match=re.escape(named)):
        vocabulary.encode(text)


def test_composed_and_decomposed_texts_share_a_vocabulary_once_normalised() -> None:
    composed = [unicodedata.normalize(form, "größer नमस्ते Việt") for form in ("NFC", "NFD")]
    vocabularies = {Vocabulary.from_texts([TextConfig().normalise(text)], "char") for text in composed}
    assert len(vocabularies) == 1


@pytest.mark.parametrize(
    ("symbols", "unit", "complaint"),
    [
        (("a", "b"), "char", "begins with <blank>"),
        (("a", "b", "a"), "label", "'a' more than once"),
        (("", "b"), "label", "must not be empty"),
        (("a\nb",), "label", "white space"),
    ],
)
def test_impossible_vocabularies_are_refused(symbols: tuple[str, ...], unit: Unit, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint):
        Vocabulary(symbols, unit)


def test_no_text_and_a_blank_in_the_text_are_refused() -> None:
    with pytest.raises(DataError, match="no text"):
        Vocabulary.from_texts([], "char")
    with pytest.raises(DataError, match="reserved"):
        Vocabulary.from_texts(["a <blank> b"], "word")


@pytest.mark.parametrize("content", [b"<blank> 0\na 2\n", b"<blank> 0\na\n", b"<blank> 0\n\xff 1\n", b"a b c\n"])
def test_a_damaged_tokens_txt_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tokens.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"tokens\.txt"):
        Vocabulary.load(path, "char")


def test_a_missing_tokens_txt_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"tokens\.txt: there is no such file"):
        Vocabulary.load(tmp_path / "tokens.txt", "char")
