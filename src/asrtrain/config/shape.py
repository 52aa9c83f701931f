"""The shape of a configuration class: what may stand at each key, read from the annotations of its fields.

Complaints, ``--set``, the starting file and the reference page all read this one description.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, cast, final, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen, MultipleOf
from pydantic import BeforeValidator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from asrtrain.config.base import Config
from asrtrain.config.choice import OneOf


@final
@dataclass(frozen=True)
class Leaf:
    """A scalar, or a list of fixed length such as ``[low, high]``."""

    annotation: Any
    bounds: str = ""


@final
@dataclass(frozen=True)
class Section:
    """A mapping with the keys of one configuration class."""

    annotation: type[Config]


@final
@dataclass(frozen=True, eq=False)
class Choice:
    """A component, chosen by its ``name`` from a table."""

    annotation: Any
    table: Mapping[str, type[Config]]


@final
@dataclass(frozen=True)
class Items:
    """A list of any length."""

    annotation: Any
    item: Shape


@final
@dataclass(frozen=True)
class Entries:
    """A mapping with free keys."""

    annotation: Any
    value: Shape


@final
@dataclass(frozen=True)
class Either:
    """One of several shapes."""

    annotation: Any
    options: tuple[Shape, ...]


Shape = Leaf | Section | Choice | Items | Entries | Either
NULL = Leaf(types.NoneType)


def shape_of(annotation: object, metadata: Sequence[object] = ()) -> Shape:
    """The shape that an annotation and the metadata beside it describe.

    A shorthand is described as it may be written, by the ``json_schema_input_type`` of its ``BeforeValidator``.
    """
    metadata = _flat(metadata)
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *beside = get_args(annotation)
        return shape_of(inner, [*beside, *metadata])
    for part in reversed(metadata):  # the last one sees a value first
        if isinstance(part, BeforeValidator) and part.json_schema_input_type is not PydanticUndefined:
            return shape_of(part.json_schema_input_type)
        if isinstance(part, OneOf):
            return Choice(Annotated[annotation, part], part.table)
    whole = Annotated[(annotation, *metadata)] if metadata else annotation
    if origin in (Union, types.UnionType):
        return Either(whole, tuple(_options(annotation)))
    return _container(annotation, origin, whole) or Leaf(whole, _bounds(metadata))


def field_shape(field: FieldInfo) -> Shape:
    """The shape of one field of a configuration class."""
    return shape_of(field.annotation, field.metadata)


def fields(config: type[Config]) -> dict[str, Shape]:
    """The shapes of a class's keys, in the order they are declared."""
    return {key: field_shape(field) for key, field in config.model_fields.items()}


def alternatives(shape: Shape) -> tuple[Shape, ...]:
    """The options of an `Either` other than null, or the shape itself."""
    options = shape.options if isinstance(shape, Either) else (shape,)
    return tuple(option for option in options if option != NULL)


def stands_alone(shape: Shape | None) -> bool:
    """Whether a component may stand here by itself in place of a list of components."""
    return isinstance(shape, Either) and {Choice, Items} <= {type(option) for option in shape.options}


def fits(shape: Shape, value: object) -> bool:
    """Whether a value is of the kind that the shape wants; its content may still be wrong."""
    match shape:
        case Section() | Entries():
            return isinstance(value, dict)
        case Choice():
            return isinstance(value, dict | str)
        case Items():
            return isinstance(value, list)
        case Either():
            return any(fits(option, value) for option in shape.options)
        case Leaf():
            return _leaf_fits(bare(shape), value)


def bare(leaf: Leaf) -> object:
    """The leaf's Python type, without the annotations around it."""
    return get_args(leaf.annotation)[0] if get_origin(leaf.annotation) is Annotated else leaf.annotation


def chosen_option(shape: Either, value: object) -> Shape | None:
    """The option that a value is meant to be, told by its kind.

    Scalars come first, so that ``off`` is not a component; a mapping without a name is none where it may be another.
    """
    nameless = isinstance(value, dict) and "name" not in value
    rank = {Leaf: 0, Choice: 2 if nameless else 1}
    options = sorted(alternatives(shape), key=lambda option: rank.get(type(option), 1))
    return next((option for option in options if fits(option, value)), None)


def section_at(shape: Shape, value: object) -> Section | None:
    """The section whose keys a mapping uses: the shape's own, or the one its ``name`` chooses."""
    if isinstance(shape, Either):
        chosen = chosen_option(shape, value)
        return section_at(chosen, value) if chosen else None
    if isinstance(shape, Section):
        return shape
    if isinstance(shape, Choice):
        name = value.get("name") if isinstance(value, dict) else value
        return Section(shape.table[name]) if isinstance(name, str) and name in shape.table else None
    return None


def child(shape: Shape, key: str | int, value: object) -> Shape | None:
    """The shape one key further down, where ``value`` is what stands here."""
    if isinstance(shape, Either):
        chosen = chosen_option(shape, value)
        return child(chosen, key, value) if chosen else None
    if isinstance(shape, Items):
        return shape.item if isinstance(key, int) else None
    if isinstance(shape, Entries):
        return shape.value
    if isinstance(shape, Leaf):
        return _element(shape, key)
    section = section_at(shape, value)
    return fields(section.annotation).get(cast("str", key)) if section else None


def _flat(metadata: Sequence[object]) -> list[object]:
    """The metadata, with what a ``Field`` holds instead of the ``Field``."""
    return [part for given in metadata for part in (given.metadata if isinstance(given, FieldInfo) else [given])]


def _options(annotation: object) -> list[Shape]:
    nested = [shape_of(option) for option in get_args(annotation)]
    return [inner for option in nested for inner in (option.options if isinstance(option, Either) else (option,))]


def _container(annotation: object, origin: object, whole: object) -> Shape | None:
    arguments = get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Config):
        return Section(annotation)
    if origin is tuple and arguments[1:] == (...,):
        return Items(whole, shape_of(arguments[0]))
    if origin in (list, Sequence):
        return Items(whole, shape_of(arguments[0]))
    if origin in (dict, Mapping):
        return Entries(whole, shape_of(arguments[1]))
    return None


def _bounds(metadata: Sequence[Any]) -> str:
    """``> 0, ≤ 1``: the bounds that pydantic's ``Field`` puts on a number or a length."""
    signs = {Gt: "> {}", Ge: "≥ {}", Lt: "< {}", Le: "≤ {}", MultipleOf: "a multiple of {}"}
    lengths = {MinLen: "at least {} long", MaxLen: "at most {} long"}
    texts = signs | lengths
    return ", ".join(texts[type(part)].format(*map(_number, astuple(part))) for part in metadata if type(part) in texts)


def _number(bound: object) -> str:
    return str(int(bound)) if isinstance(bound, float) and bound.is_integer() else str(bound)


def _element(leaf: Leaf, index: str | int) -> Shape | None:
    """The shape of one element of a list of fixed length."""
    kind = bare(leaf)
    elements = get_args(kind) if get_origin(kind) is tuple else ()
    return shape_of(elements[index]) if isinstance(index, int) and index < len(elements) else None


def _leaf_fits(kind: object, value: object) -> bool:
    if get_origin(kind) is Literal:
        return any(value == option and type(value) is type(option) for option in get_args(kind))
    if get_origin(kind) is tuple:
        return isinstance(value, list)
    if kind is Path:
        return isinstance(value, str)
    if isinstance(value, bool):
        return kind is bool
    if kind is float:
        return isinstance(value, int | float)
    return isinstance(kind, type) and isinstance(value, kind)
