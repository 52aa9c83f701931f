"""Names from data become names of files that are safe, readable and distinct."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asrtrain.files.names import distinct_names, safe_name


@pytest.mark.parametrize("text", ["anna", "anna müller", "日本", "a.b", "-x", "x" * 255, "yes-1"])
def test_a_usual_name_stays_as_it_is(text):
    assert safe_name(text) == text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("../../escaped", "_._.._escaped"),
        ("/etc/passwd", "_etc_passwd"),
        ("..", "__"),
        (".", "_"),
        ("", "_"),
        (".hidden", "_hidden"),
        ("a\\b:c", "a_b_c"),
        ("tab\there\n", "tab_here_"),
        ("\x1b[31m", "_[31m"),
        ("latin\udce9", "latin_"),
        ("CON", "_CON"),
        ("lpt1.txt", "_lpt1.txt"),
        ("ends. ", "ends._"),
    ],
)
def test_what_may_not_stand_in_a_name_is_replaced(text, name):
    assert safe_name(text) == name


@given(st.text(st.characters(exclude_categories=())), st.integers(0, 60))
def test_every_text_has_a_name(text, room):
    name = safe_name(text, room)
    assert 0 < len(name.encode()) <= 255 - room
    assert not set(name) & set("/\\\0\n")
    assert name[0] != "."


@given(st.lists(st.text("aA/_.é", max_size=4), unique=True))
def test_names_of_several_texts_differ_on_every_system(texts):
    names = distinct_names(texts)
    assert len({name.casefold() for name in names.values()}) == len(texts)


def test_of_two_that_would_have_one_name_the_unchanged_one_keeps_it():
    names = distinct_names(["a/b", "a_b", "c/d"])
    assert names["a_b"] == "a_b"
    assert names["a/b"].startswith("a_b-")
    assert names["c/d"] == "c_d"


def test_long_names_that_begin_alike_differ():
    names = distinct_names(["x" * 300, "x" * 301], room=9)
    assert len(set(names.values())) == 2
    assert all(len(name) == 246 for name in names.values())
