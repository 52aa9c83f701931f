"""Writes a configuration as a commented YAML file to start from: every key, what it means and what may stand there."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from asrtrain.config.base import Config
from asrtrain.config.defaults import plain_value
from asrtrain.config.shape import Choice, Either, Leaf, Shape, alternatives, fields
from asrtrain.config.words import wanted
from asrtrain.config.writing import entry

_WIDTH = 110


def write_template(config: Config) -> str:
    """YAML that loads to an equal configuration; each key stands below a comment that explains it."""
    return "\n".join(_section(config, 0)).lstrip() + "\n"


def _section(config: Config, depth: int) -> Iterator[str]:
    meanings = config.descriptions()
    for key, shape in fields(type(config)).items():
        if key == "name":
            yield from entry(key, plain_value(config, key), depth)
            continue
        if depth == 0:
            yield ""
        value = getattr(config, key)
        yield from _comment(meanings.get(key, ""), _choices(shape, value), depth)
        if isinstance(value, Config) and type(value).model_fields:
            yield f"{'  ' * depth}{key}:"
            yield from _section(value, depth + 1)
        elif isinstance(value, tuple) and value and all(isinstance(item, Config) for item in value):
            yield f"{'  ' * depth}{key}:"
            yield from (line for item in value for line in _item(item, depth))
        else:
            yield from entry(key, plain_value(config, key), depth)


def _item(config: Config, depth: int) -> Iterator[str]:
    """One item of a list of components: its first line carries the dash."""
    first, *others = _section(config, depth + 1)
    yield f"{'  ' * depth}- {first.lstrip()}"
    yield from others


def _comment(description: str, choices: str, depth: int) -> Iterator[str]:
    margin = "  " * depth + "# "
    for text in (description, choices):
        yield from textwrap.wrap(" ".join(text.split()), _WIDTH, initial_indent=margin, subsequent_indent=margin)


def _choices(shape: Shape, value: object) -> str:
    """What may stand at the key, in so far as the value below does not show it."""
    told = [option for option in alternatives(shape) if value is None or isinstance(option, Leaf | Choice)]
    if not told:
        return ""
    nullable = isinstance(shape, Either) and len(shape.options) > len(alternatives(shape))
    return "Wants " + ", or ".join(wanted(option) for option in told) + (", or null." if nullable else ".")
