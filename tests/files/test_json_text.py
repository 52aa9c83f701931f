"""JSON from files that may be damaged."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from asrtrain.files.json_text import parse_json, read_record


@dataclass(frozen=True)
class Point:
    name: str
    x: float
    tags: dict[str, int]


@pytest.mark.parametrize("text", ["", "[" * 100_000, '{"a":' * 50_000, "{'a': 1}", b"\xff\xfe", "9" * 5000, "[1,]"])
def test_what_is_no_json_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_json(text)


def test_a_record_has_every_field_of_its_type() -> None:
    assert read_record(Point, {"name": "a", "x": 1, "tags": {"b": 2}}) == Point("a", 1.0, {"b": 2})


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": "a", "x": "1", "tags": {}}, "x"),
        ({"name": "a", "x": 1.0}, "tags"),
        ({"name": "a", "x": 1.0, "tags": {}, "y": 0}, "y"),
        ({"name": None, "x": 1.0, "tags": {}}, "name"),
        ({"name": "a", "x": 1.0, "tags": {"b": True}}, r"tags\.b"),
        ([], "Point"),
        (None, "Point"),
    ],
)
def test_a_record_that_is_not_says_which_field(values: object, field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        read_record(Point, values)
