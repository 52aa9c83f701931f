"""Checks plain data against a configuration class, and says in sentences everything that is wrong."""

from __future__ import annotations

from typing import Final, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from asrtrain.config.base import Config
from asrtrain.config.place import KeyPath, Plain, Problem, value_at
from asrtrain.config.shape import Choice, Either, Section, Shape, alternatives, child, chosen_option, fits, section_at
from asrtrain.config.words import found, hint, nearest, shortened, suggestion, wanted

Location = tuple[int | str, ...]
_OUT_OF_BOUNDS: Final = ("greater_than", "greater_than_equal", "less_than", "less_than_equal", "multiple_of")
_IN_OTHER_WORDS: Final = {
    "too_short": "needs at least {min_length} items",
    "too_long": "takes at most {max_length} items",
    "finite_number": "must be a finite number",
    "string_too_short": "needs at least {min_length} characters",
    "string_too_long": "takes at most {max_length} characters",
    "string_pattern_mismatch": "must match the pattern {pattern}",
}


def find_problems(shape: Shape, data: Plain, path: KeyPath = ()) -> list[Problem]:
    """Everything that is wrong with ``data``, which stands at ``path``; empty where it is right."""
    try:
        _validate(shape, data)
    except ValidationError as error:
        return problems_of(error, shape, data, path)
    return []


def problems_of(error: ValidationError, shape: Shape, data: Plain, path: KeyPath = ()) -> list[Problem]:
    """What pydantic found wrong with ``data``, which stands at ``path``, in our words; each mistake once."""
    details = error.errors(include_url=False)
    return list(dict.fromkeys(problem for one in details for problem in _follow(one, one["loc"], shape, data, path)))


def _validate(shape: Shape, data: Plain) -> None:
    if isinstance(shape, Section):
        shape.annotation.model_validate(data)
    elif isinstance(shape, Choice):
        TypeAdapter(shape.annotation).validate_python(data)
    else:
        TypeAdapter(shape.annotation, config=Config.model_config).validate_python(data)


def _follow(error: ErrorDetails, location: Location, shape: Shape | None, value: Plain, path: KeyPath) -> list[Problem]:
    """Follows the location of an error through the data.

    The location also holds names that are no keys: the tag of a chosen component (skipped), and labels for the options
    of a union (there the one option that the value is meant to be is checked again, alone).
    """
    options = alternatives(shape) if shape else ()
    if len(options) > 1:
        return _in_union(cast("Either", shape), value, path) or [_at_value(error, shape, value, path)]
    if not location:
        return [_at_value(error, shape, value, path)]
    if isinstance(shape, Either):
        return _follow(error, location, options[0], value, path)
    head, rest = location[0], location[1:]
    if isinstance(shape, Choice):
        return _follow(error, rest, section_at(shape, value), value, path)
    if not rest and error["type"] in ("extra_forbidden", "missing"):
        return [_at_key(error, head, shape, value, path)]
    below = child(shape, head, value) if shape else None
    return _follow(error, rest, below, value_at(value, (head,)), (*path, head))


def _at_key(error: ErrorDetails, key: str | int, shape: Shape | None, value: Plain, path: KeyPath) -> Problem:
    if error["type"] == "extra_forbidden":
        known = shape.annotation.model_fields if isinstance(shape, Section) else ()
        return Problem((*path, key), f"unknown key; {suggestion(str(key), known)}")
    within = child(shape, key, value) if shape else None
    return Problem((*path, key), "is missing" + (f"; it wants {wanted(within)}" if within else ""))


def _in_union(shape: Either, value: Plain, path: KeyPath) -> list[Problem]:
    """What is wrong with a value as the option that it is meant to be; nothing, if the option alone accepts it."""
    meant = chosen_option(shape, value)
    unlike = isinstance(meant, Choice) and isinstance(value, str) and nearest(value, meant.table) is None
    return find_problems(meant, value, path) if meant and not unlike else [_wrong_type(shape, value, path)]


def _at_value(error: ErrorDetails, shape: Shape | None, value: Plain, path: KeyPath) -> Problem:
    kind, context = error["type"], error.get("ctx", {})
    component = next((option for option in alternatives(shape) if isinstance(option, Choice)), None) if shape else None
    if kind in ("value_error", "assertion_error"):
        return Problem(path, str(context["error"]))
    if kind in _IN_OTHER_WORDS:
        return Problem(path, f"{_IN_OTHER_WORDS[kind].format(**context)}, found {found(value)}")
    if component and kind.startswith("union_tag"):
        return _wrong_name(component, value, path)
    if shape is not None and (kind in _OUT_OF_BOUNDS or not fits(shape, value)):
        return _wrong_type(shape, value, path)
    return Problem(path, f"{error['msg'][0].lower()}{error['msg'][1:]}, found {found(value)}")


def _wrong_name(component: Choice, value: Plain, path: KeyPath) -> Problem:
    if isinstance(value, dict) and "name" not in value:
        return Problem(path, f"needs a name: one of {', '.join(component.table)}")
    name, place = (value["name"], (*path, "name")) if isinstance(value, dict) else (value, path)
    if not isinstance(name, str):
        return Problem(place, f"wants one of {', '.join(component.table)}, found {found(name)}")
    return Problem(place, f'unknown name "{shortened(name)}"; {suggestion(name, component.table)}')


def _wrong_type(shape: Shape, value: Plain, path: KeyPath) -> Problem:
    return Problem(path, f"wants {wanted(shape)}, found {found(value)}{hint(shape, value)}")
