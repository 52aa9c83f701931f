"""The words of a complaint: what is wanted, what was found, and which name was probably meant."""

from __future__ import annotations

import types
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal, get_args, get_origin

from rapidfuzz import fuzz, process

from asrtrain.config.scalars import resolve_scalar
from asrtrain.config.shape import Choice, Either, Entries, Items, Leaf, Section, Shape, bare, shape_of

_SCALARS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "a path",
    types.NoneType: "null",
}
_LONGEST_SHOWN = 60
_ALIKE = 60
"""Names are alike from here on, in percent (rapidfuzz's ratio): ``sdg`` and ``sgd`` are 67 % alike."""
_SHORT = 4
"""Letters."""
_NEIGHBOURS = [set(pair) for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm", "1234567890") for pair in pairwise(row)]
_YES_AND_NO = {"yes": "true", "on": "true", "no": "false", "off": "false"}


def wanted(shape: Shape) -> str:
    """What may stand here: ``a whole number > 0``, ``one of lstm, gru``."""
    match shape:
        case Section():
            return "a mapping with the keys " + ", ".join(shape.annotation.model_fields)
        case Choice():
            return "one of " + ", ".join(shape.table)
        case Items():
            return f"a list, each item {wanted(shape.item)}"
        case Entries():
            return f"a mapping, each value {wanted(shape.value)}"
        case Either():
            return ", or ".join(_option(option, shape.options) for option in shape.options)
        case Leaf():
            return f"{_scalar(bare(shape))} {shape.bounds}".rstrip()


def _option(option: Shape, others: Sequence[Shape]) -> str:
    """An option of several; a list of what is another option is not described twice."""
    if isinstance(option, Items) and any(_is_same(option.item, other) for other in others):
        return "a list of such"
    return wanted(option)


def _is_same(one: Shape, other: Shape) -> bool:
    return one == other or (isinstance(one, Choice) and isinstance(other, Choice) and one.table is other.table)


def found(value: object) -> str:
    """What stands there, in YAML's words: ``the text "12"``, ``true``, ``a list of 3``."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'the text "{shortened(value)}"'
    if isinstance(value, int | float):
        return shortened(str(value))
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    return "a mapping" if isinstance(value, dict) else f"a {type(value).__name__}"


def hint(shape: Shape, value: object) -> str:
    """What to do about a value of the wrong type, where that is plain; else nothing."""
    kinds = [
        bare(option)
        for option in (shape.options if isinstance(shape, Either) else (shape,))
        if isinstance(option, Leaf)
    ]
    if isinstance(value, str):
        meant = resolve_scalar(value)
        if bool in kinds and value.lower() in _YES_AND_NO:
            return f"; write {_YES_AND_NO[value.lower()]}"
        if type(meant) in kinds or (float in kinds and type(meant) is int):
            return "; remove the quotes"
    if isinstance(value, bool | int | float) and str in kinds:
        return "; put it in quotes"
    return ""


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant: the most similar one, if it is similar at all."""
    match = process.extractOne(name, list(names), scorer=fuzz.ratio, processor=str.lower, score_cutoff=_ALIKE)
    return match[0] if match and _is_slip(name.lower(), match[0].lower()) else None


def _is_slip(name: str, other: str) -> bool:
    """Whether alike names may be one, mistyped. In a short one, another letter mostly makes another word: it has to be
    that of a neighbouring key, or two letters have to have changed places.
    """
    if len(name) != len(other) or len(name) > _SHORT:
        return True
    pairs = [(a, b) for a, b in zip(name, other, strict=True) if a != b]
    swapped = len(pairs) == 2 and pairs[0] == pairs[1][::-1]
    return swapped or all({a, b} in _NEIGHBOURS for a, b in pairs)


def suggestion(name: str, names: Iterable[str]) -> str:
    """``did you mean lstm?`` where a name is similar, else the list of names."""
    names = list(names)
    guess = nearest(name, names)
    if guess:
        return f"did you mean {guess}?"
    return f"choose one of {', '.join(names)}" if names else "there are no keys here"


def shortened(text: str) -> str:
    """A text that fits into a sentence, on one line."""
    line = text.encode("unicode_escape").decode() if not text.isprintable() else text
    return line if len(line) <= _LONGEST_SHOWN else line[: _LONGEST_SHOWN - 1] + "…"


def _scalar(kind: object) -> str:
    if get_origin(kind) is Literal:
        options = [str(option) for option in get_args(kind)]
        return options[0] if len(options) == 1 else "one of " + ", ".join(options)
    if get_origin(kind) is tuple:
        return "[" + ", ".join(wanted(shape_of(element)) for element in get_args(kind)) + "]"
    return next((words for scalar, words in _SCALARS.items() if kind is scalar), str(kind))
