"""The JSON Schema and the reference page say what the classes say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from asrtrain.clipping.interface import ClipRuleConfig
from asrtrain.clipping.norm import NormConfig
from asrtrain.config import Config, load_config
from asrtrain.config.reference import write_reference
from asrtrain.config.schema import json_schema
from asrtrain.config.yaml12 import parse_yaml
from asrtrain.errors import UsageError

Write = Callable[[str | bytes], Path]

RIGHT = [
    "limit: 1",
    "main: circle",
    "main: {name: square, side: 1}",
    "frame: null",
    "others: circle",
    "others: [circle, {name: circle, radius: 1}]",
    "either: none",
    "either: [circle]",
    "paper: {margins: [1, 2], punch: [3, 4], colour: yellow}",
    "scale: auto",
    "scale: 2",
    "names: {a: 1}",
]
WRONG = [
    "mian: circle",
    "main: circel",
    "main: {radius: 1}",
    "main: {name: square}",
    "main: {name: square, side: 11}",
    "main: {name: square, side: '3'}",
    "main: {name: circle, side: 1}",
    "main: null",
    "main: 3",
    "others: 3",
    "others: [circle, sqare]",
    "either: nine",
    "paper: A4",
    "paper: {colour: blue}",
    "paper: {margins: [1, 2, 3]}",
    "paper: {punch: [0]}",
    "paper: {title: 12}",
    "scale: none",
    "scale: -1",
    "limit: true",
    "limit: 1.5",
    "names: {a: b}",
    "- circle",
]


@pytest.fixture
def validator(drawing: type[Config]) -> Draft202012Validator:
    schema = json_schema(drawing)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(json.loads(json.dumps(schema, allow_nan=False)))


@pytest.mark.parametrize("text", RIGHT)
def test_schema_and_loader_accept(
    text: str, validator: Draft202012Validator, drawing: type[Config], write: Write
) -> None:
    validator.validate(parse_yaml(text).data)
    load_config(write(text), drawing)


@pytest.mark.parametrize("text", WRONG)
def test_schema_and_loader_refuse(
    text: str, validator: Draft202012Validator, drawing: type[Config], write: Write
) -> None:
    assert not validator.is_valid(parse_yaml(text).data)
    with pytest.raises(UsageError):
        load_config(write(text), drawing)


def test_schema_describes_every_key(drawing: type[Config]) -> None:
    schema = json_schema(drawing)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["properties"]["scale"]["description"] == "Magnification."
    assert schema["properties"]["paper"]["description"] == "What it is drawn on."
    assert schema["$defs"]["CircleConfig"]["properties"]["radius"]["description"] == "Distance from the middle."
    assert schema["$defs"]["CircleConfig"]["description"] == "All points at one distance."


def test_reference_page(drawing: type[Config]) -> None:
    page = write_reference(drawing)
    assert "| `main` | one of circle, square | `circle` | The shape in the middle. |" in page
    assert "| `side` | a whole number > 0, ≤ 10 | required | Length of a side. |" in page
    assert "Smallest and largest margin \\| of all." in page
    assert page.count("### `main: circle`") == 1
    assert page.count("All points at one distance.") == 1
    assert "## `paper`\n\nWhat it is drawn on." not in page
    assert "## `paper`\n\nWhat is drawn on." in page


def test_what_belongs_to_the_class_stays_what_it_is() -> None:
    assert ClipRuleConfig.compares_utterances is False
    assert NormConfig.compares_utterances is False
