"""Writes the reference page of a configuration class: every component and every key, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from asrtrain.config.base import Config
from asrtrain.config.defaults import short_default
from asrtrain.config.docstrings import docstring_of
from asrtrain.config.shape import Choice, Either, Entries, Items, Leaf, Section, Shape, alternatives, fields
from asrtrain.config.words import wanted
from asrtrain.config.writing import inline

_Described = set[int]


def write_reference(model: type[Config]) -> str:
    """Markdown with a table of keys for the class, and for every section and component below it, in their order.

    A section or component that may stand at several keys is described at the first.
    """
    return "\n".join(_class("", model, set())).strip() + "\n"


def _class(title: str, config: type[Config], described: _Described) -> Iterator[str]:
    yield from key_table(config)
    yield from _chapters(title, config, described)


def _chapters(title: str, config: type[Config], described: _Described) -> Iterator[str]:
    for key, shape in fields(config).items():
        yield from _below(f"{title}.{key}".lstrip("."), shape, described)


def _below(title: str, shape: Shape, described: _Described) -> Iterator[str]:
    match shape:
        case Either():
            for option in shape.options:
                yield from _below(title, option, described)
        case Items():
            yield from _below(title, shape.item, described)
        case Entries():
            yield from _below(title, shape.value, described)
        case Section() if _is_new(shape.annotation, described):
            yield from ("", f"## `{title}`", "", docstring(shape.annotation), "")
            yield from _class(title, shape.annotation, described)
        case Choice() if _is_new(shape.table, described):
            yield from ("", f"## `{title}`", "", "Chosen by `name`: " + ", ".join(f"`{name}`" for name in shape.table))
            new = {name: config for name, config in shape.table.items() if _is_new(config, described)}
            for name, config in new.items():
                yield from ("", f"### `{title}: {name}`", "", docstring(config), "", *key_table(config))
            for config in new.values():
                yield from _chapters(title, config, described)
        case Section() | Choice() | Leaf():
            return


def _is_new(thing: object, described: _Described) -> bool:
    new = id(thing) not in described
    described.add(id(thing))
    return new


def key_table(config: type[Config]) -> Iterator[str]:
    """The lines of a table of the class's own keys, but for its name: what each wants, its default, its meaning."""
    keys = {key: shape for key, shape in fields(config).items() if key != "name"}
    if not keys:
        yield "No further keys."
        return
    meanings = config.descriptions()
    yield from ("| key | wants | default | meaning |", "|---|---|---|---|")
    for key, shape in keys.items():
        field = config.model_fields[key]
        sectioned = any(isinstance(option, Section) for option in alternatives(shape))
        wants = wanted(shape) if not sectioned else "a mapping" if isinstance(shape, Section) else "a mapping, or null"
        default = f"`{inline(short_default(config, key))}`" if not isinstance(shape, Section) else "as below"
        cells = (f"`{key}`", wants, "required" if field.is_required() else default, _prose(meanings.get(key, "")))
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def docstring(config: type[Config]) -> str:
    """What a class says of itself, on one line of Markdown."""
    return _prose(docstring_of(config))


def _prose(text: str) -> str:
    return " ".join(text.replace("<", "&lt;").split())
