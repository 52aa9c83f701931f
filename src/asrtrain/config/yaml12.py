"""Reads YAML with the scalars of YAML 1.2 (core schema) into plain data, and remembers the line of every key.

PyYAML follows YAML 1.1, where ``1e-3`` is text and ``no`` is False. Here its parser is used and its resolver is not:
the events of the parser are put together by hand, so that nothing but mappings, lists and scalars can come out, every
duplicate key is seen, and the depth and the size of what comes out are bounded before it is built.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import final

import yaml
from yaml.events import CollectionStartEvent, ScalarEvent

from asrtrain.config.environment import UndefinedVariableError, interpolate
from asrtrain.config.place import KeyPath, Plain, Problem
from asrtrain.config.scalars import resolve_scalar

MAX_CHARACTERS = 1_000_000
MAX_DEPTH = 32
MAX_NODES = 20_000

_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_IN_OTHER_WORDS = {
    "mapping values are not allowed in this context": "a second ': ' in one value; check the indentation or quote it",
    "found character that cannot start any token": "a value begins with a reserved character; quote it",
    "could not find expected ':'": "a key without ': ' after it",
}
_Node = ScalarEvent | CollectionStartEvent


class YamlError(ValueError):
    """A text that is not the YAML we read; ``line`` counts from 1."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(sentence)
        self.line = line
        self.sentence = sentence


@final
@dataclass(slots=True)
class Document:
    """Plain data, the line of every key and list item, and the mistakes that did not stop the reading."""

    data: Plain = None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def parse_yaml(text: str) -> Document:
    """Reads one YAML document; raises `YamlError` at the first place that cannot be read."""
    _refuse_odd_text(text)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _Composer(yaml.parse(text, Loader=loader)).document()
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, text) from None


def _refuse_odd_text(text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise YamlError(1, f"too long for a configuration: more than {MAX_CHARACTERS:,} characters")
    odd = _NOT_TEXT.search(text)
    if odd:
        line = text.count("\n", 0, odd.start()) + 1
        raise YamlError(line, f"the control character U+{ord(odd[0]):04X} is not allowed in YAML; remove it")


def _syntax_error(error: yaml.MarkedYAMLError, text: str) -> YamlError:
    mark = error.problem_mark or error.context_mark
    number = mark.line if mark else 0
    lines = text.splitlines()
    number = min(number, max(len(lines) - 1, 0))
    line = lines[number] if lines else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return YamlError(number + 1, "not valid YAML: the line is indented with a tab; use spaces")
    context = f" {error.context}" if error.context else ""
    return YamlError(
        number + 1, f"not valid YAML: {_IN_OTHER_WORDS.get(error.problem or '', f'{error.problem}{context}')}"
    )


@final
class _Composer:
    """Turns parser events into data. Recursion is bounded by `MAX_DEPTH`, and what aliases repeat by `MAX_NODES`."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self._events = events
        self._anchors: dict[str, tuple[Plain, int]] = {}
        self._nodes = 0
        self._result = Document()

    def document(self) -> Document:
        next(self._events)  # the stream starts
        if isinstance(next(self._events), yaml.DocumentStartEvent):
            self._result.data = self._node(next(self._events), ())
            next(self._events)  # the document ends
            following = next(self._events)
            if not isinstance(following, yaml.StreamEndEvent):
                raise YamlError(_line(following), "a second document begins here; a configuration is one document")
        return self._result

    def _node(self, event: yaml.Event, path: KeyPath) -> Plain:
        if len(path) > MAX_DEPTH:
            raise YamlError(_line(event), f"nested more than {MAX_DEPTH} levels deep")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        first = self._nodes
        self._count(1, event)
        assert isinstance(event, _Node)
        if event.tag is not None and event.tag != "!":
            self._complain(path, f"the tag {event.tag} is not accepted; write the plain value")
        value = self._value(event, path)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, self._nodes - first)
        return value

    def _value(self, event: _Node, path: KeyPath) -> Plain:
        if isinstance(event, CollectionStartEvent):
            return self._mapping(path) if isinstance(event, yaml.MappingStartEvent) else self._sequence(path)
        value = resolve_scalar(event.value) if event.implicit[0] else event.value
        return self._interpolated(value, path) if isinstance(value, str) else value

    def _mapping(self, path: KeyPath) -> dict[str, Plain]:
        mapping: dict[str, Plain] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, ScalarEvent):
                raise YamlError(_line(event), "a key must be plain text")
            key, place = event.value, (*path, event.value)
            if key in mapping:
                self._complain(
                    place, f"written twice, in lines {self._result.lines[place]} and {_line(event)}; keep one"
                )
            self._result.lines[place] = _line(event)
            mapping[key] = self._node(next(self._events), place)
        return mapping

    def _sequence(self, path: KeyPath) -> list[Plain]:
        items: list[Plain] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            place = (*path, len(items))
            self._result.lines[place] = _line(event)
            items.append(self._node(event, place))
        return items

    def _alias(self, event: yaml.AliasEvent) -> Plain:
        if event.anchor not in self._anchors:
            raise YamlError(_line(event), f"the alias *{event.anchor} refers to no anchor &{event.anchor} before it")
        value, nodes = self._anchors[event.anchor]
        self._count(nodes, event)
        return value

    def _count(self, nodes: int, event: yaml.Event) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise YamlError(_line(event), f"more than {MAX_NODES:,} values, counting what aliases repeat")

    def _interpolated(self, text: str, path: KeyPath) -> str:
        try:
            return interpolate(text)
        except UndefinedVariableError as error:
            self._complain(path, str(error))
            return text

    def _complain(self, path: KeyPath, sentence: str) -> None:
        self._result.problems.append(Problem(path, sentence))


def _line(event: yaml.Event) -> int:
    mark = event.start_mark
    return mark.line + 1 if mark else 1
