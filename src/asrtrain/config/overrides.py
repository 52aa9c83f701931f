"""``--set key.path=value``: changes to plain configuration data before it is checked.

- The value is YAML: ``training.max_epochs=3``, ``clipping={name: none}``, ``data.train.0.split=all``.
- Setting a component replaces it whole, and so does setting its name to another one: ``model=lstm`` and
  ``model.name=lstm`` both start from the defaults of the LSTM, because the other keys were meant for another model.
- Setting a key of a component that the file does not mention changes the default component. In a list of a single
  component its index may be left out: ``clipping.threshold=1``.
- Wider settings are applied first, whatever the order on the command line, so that no setting undoes a narrower one;
  of two settings of the same key the last counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from asrtrain.config.base import Config
from asrtrain.config.defaults import default_of
from asrtrain.config.place import Plain, Problem, dotted
from asrtrain.config.shape import Choice, Either, Section, Shape, child, chosen_option, section_at, stands_alone
from asrtrain.config.words import found
from asrtrain.config.yaml12 import YamlError, parse_yaml
from asrtrain.errors import UsageError


@final
@dataclass(frozen=True, slots=True)
class Override:
    """One ``--set``, parsed."""

    path: tuple[str, ...]
    value: Plain
    problems: tuple[Problem, ...] = ()

    @property
    def width(self) -> int:
        """How far from the top the setting reaches in; a component's name stands for the component."""
        return len(self.path) - (self.path[-1] == "name")


def parse_override(text: str) -> Override:
    """``key.path=value`` with a YAML value; raises `UsageError`."""
    key, equals, value = text.partition("=")
    path = tuple(key.strip().split("."))
    if not equals or "" in path:
        raise UsageError(f"--set {text}: write key=value, for example --set training.max_epochs=3")
    try:
        document = parse_yaml(value)
    except YamlError as error:
        raise UsageError(f"--set {text}: {error.sentence}") from None
    problems = tuple(Problem((*path, *problem.path), problem.sentence) for problem in document.problems)
    return Override(path, document.data, problems)


def apply_overrides(data: Plain, overrides: Sequence[Override], model: type[Config]) -> Plain:
    """A copy of the data with the overrides applied, wider ones first; raises `UsageError` for an impossible path."""
    for override in sorted(overrides, key=lambda override: override.width):
        data = _assign(data, override.path, override, Section(model))
    return data


def _assign(data: Plain, path: tuple[str, ...], override: Override, shape: Shape | None) -> Plain:
    """A copy of the data with the value at ``path`` below it replaced."""
    if not path:
        return override.value
    key, rest = path[0], path[1:]
    data = _opened(data, shape, key)
    if isinstance(data, list):
        index = _index(data, key, override)
        below = child(shape, index, data) if shape else None
        return [*data[:index], _assign(data[index], rest, override, below), *data[index + 1 :]]
    if not isinstance(data, dict):
        raise UsageError(f"--set {dotted(override.path)}: there is no key {key} below {found(data)}")
    if _renames(shape, data, path, override.value):
        return {"name": override.value}
    below = child(shape, key, data) if shape else None
    present = data[key] if key in data else _default(shape, key, data)
    return data | {key: _assign(present, rest, override, below)}


def _opened(data: Plain, shape: Shape | None, key: str) -> Plain:
    """The data as something that a key can be set in.

    Nothing becomes an empty mapping, a name alone a component, and a list of one component, where that could stand
    alone, the component.
    """
    if data is None:
        return {}
    if isinstance(data, list) and len(data) == 1 and not key.isdecimal() and stands_alone(shape):
        data = data[0]
    return {"name": data} if isinstance(data, str) and _is_component(shape, data) else data


def _is_component(shape: Shape | None, data: Plain) -> bool:
    return isinstance(chosen_option(shape, data) if isinstance(shape, Either) else shape, Choice)


def _renames(shape: Shape | None, data: dict[str, Plain], path: tuple[str, ...], value: Plain) -> bool:
    return path == ("name",) and _is_component(shape, data) and data.get("name") != value


def _index(items: list[Plain], key: str, override: Override) -> int:
    if key.isdecimal() and int(key) < len(items):
        return int(key)
    raise UsageError(f"--set {dotted(override.path)}: {key} is no index of a list of {len(items)}; the first is 0")


def _default(shape: Shape | None, key: str, data: dict[str, Plain]) -> Plain:
    """What stands at a key that the file does not mention, as plain data."""
    section = section_at(shape, data) if shape else None
    return default_of(section.annotation, key) if section and key in section.annotation.model_fields else None
