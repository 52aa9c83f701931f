"""YAML 1.2 scalars, lines, and what a hostile or careless file can hold."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asrtrain.config.environment import escape, interpolate
from asrtrain.config.place import Plain
from asrtrain.config.writing import block, inline
from asrtrain.config.yaml12 import MAX_CHARACTERS, YamlError, parse_yaml

CORE_SCHEMA = [
    ("1e-3", 1e-3),
    ("2.0e-3", 2e-3),
    (".5", 0.5),
    ("5.", 5.0),
    ("-0.25E+2", -25.0),
    ("12", 12),
    ("-7", -7),
    ("+3", 3),
    ("007", 7),
    ("0o17", 15),
    ("0x1F", 31),
    ("true", True),
    ("False", False),
    ("TRUE", True),
    ("null", None),
    ("~", None),
    ("", None),
    (".inf", math.inf),
    ("-.INF", -math.inf),
    # Text in YAML 1.2, though not in YAML 1.1:
    ("no", "no"),
    ("Yes", "Yes"),
    ("on", "on"),
    ("off", "off"),
    ("y", "y"),
    ("1_000", "1_000"),
    ("12:30:45", "12:30:45"),
    ("2021-01-02", "2021-01-02"),
    ("0b11", "0b11"),
    ("tRUE", "tRUE"),
    ("1e", "1e"),
    (".", "."),
    ("=", "="),
    # Quoted is text.
    ('"12"', "12"),
    ("'true'", "true"),
    ("'null'", "null"),
]


@pytest.mark.parametrize(("written", "value"), CORE_SCHEMA)
def test_scalars_of_the_core_schema(written: str, value: object) -> None:
    read = parse_yaml(f"key: {written}").data
    assert isinstance(read, dict)
    assert read["key"] == value
    assert type(read["key"]) is type(value)


def test_not_a_number_is_a_float() -> None:
    assert isinstance(parse_yaml(".nan").data, float)


def test_lines_of_keys_and_items() -> None:
    document = parse_yaml("# first\na: 1\nb:\n  c: 2\n  d:\n  - x\n  - {e: 3,\n     f: 4}\n")
    assert document.lines == {
        ("a",): 2,
        ("b",): 3,
        ("b", "c"): 4,
        ("b", "d"): 5,
        ("b", "d", 0): 6,
        ("b", "d", 1): 7,
        ("b", "d", 1, "e"): 7,
        ("b", "d", 1, "f"): 8,
    }


def test_keys_are_text_whatever_they_look_like() -> None:
    assert parse_yaml("no: 1\n1: 2\nnull: 3\n").data == {"no": 1, "1": 2, "null": 3}


def test_an_alias_repeats_its_anchor() -> None:
    assert parse_yaml("a: &x {k: [1, 2]}\nb: *x\n").data == {"a": {"k": [1, 2]}, "b": {"k": [1, 2]}}


REFUSED = [
    ("a: &x [*x]", 1, "refers to no anchor"),
    ("a: 1\n---\nb: 2", 2, "second document"),
    ("a: 1\n\tb: 2", 2, "tab"),
    ("a: b: c", 1, "second ': '"),
    ("a: [1, 2", 1, "not valid YAML"),
    ("a: @x", 1, "reserved character"),
    ("ok: 1\n? [a, b]\n: c", 2, "key must be plain text"),
    ("a: \x07", 1, "U+0007"),
    ("[" * 200, 1, "levels deep"),
    ("a:\n" + "- " * 200, 2, "levels deep"),
    ("#" * (MAX_CHARACTERS + 1), 1, "too long"),
]


@pytest.mark.parametrize(("text", "line", "part"), REFUSED)
def test_refused_with_its_line(text: str, line: int, part: str) -> None:
    with pytest.raises(YamlError, match=part.replace("+", r"\+")) as caught:
        parse_yaml(text)
    assert caught.value.line == line


def test_an_alias_bomb_is_refused_before_it_is_unfolded() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    with pytest.raises(YamlError, match="counting what aliases repeat"):
        parse_yaml("\n".join(lines))


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system", "!!binary", "!include", "!!int"])
def test_tags_are_refused_and_nothing_is_built(tag: str) -> None:
    document = parse_yaml(f"a: {tag} '1'\n")
    assert document.data == {"a": "1"}
    assert "is not accepted" in document.problems[0].sentence


def test_duplicates_are_all_found() -> None:
    problems = parse_yaml("a: 1\nb: 2\na: 3\nb: 4\n").problems
    assert [problem.sentence for problem in problems] == [
        "written twice, in lines 1 and 3; keep one",
        "written twice, in lines 2 and 4; keep one",
    ]


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECH", "/data")
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.delenv("MISSING", raising=False)
    read = parse_yaml(
        "a: ${SPEECH}/x\nb: ${MISSING:-y}/${EMPTY:-z}\nc: '$${SPEECH} $5'\nd: ${EMPTY}\n${SPEECH}: 1\n"
    ).data
    assert read == {"a": "/data/x", "b": "y/z", "c": "${SPEECH} $5", "d": "", "${SPEECH}": 1}


@pytest.mark.parametrize("text", ["${MISSING_VARIABLE}", "${1}", "x ${", "${A:-${B}}"])
def test_a_bad_reference_is_a_problem(text: str) -> None:
    document = parse_yaml(f"- '{text}'")
    assert document.problems[0].path == (0,)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(plain)
def test_what_is_written_on_one_line_reads_back(value: Plain) -> None:
    assert repr(parse_yaml(inline(value)).data) == repr(value)


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), plain, min_size=1, max_size=4))
def test_what_is_written_as_a_block_reads_back(value: dict[str, Plain]) -> None:
    document = parse_yaml("\n".join(block(value)))
    assert repr(document.data) == repr(value)
    assert not document.problems


@given(st.text())
def test_escape_undoes_interpolate(text: str) -> None:
    assert interpolate(escape(text)) == text
