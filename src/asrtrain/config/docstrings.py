"""What stands in a string below an attribute of a class, or of the class or function itself, read from the source.

pydantic can do so too, but does it for every class at once, and looks for each in every frame of the stack and every
loaded module: that took two fifths of the time that importing asrtrain took over importing PyTorch.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path


def attribute_docstrings(cls: type) -> dict[str, str]:
    """The attributes of a class' objects, not of its bases, that a string follows; none where there is no source."""
    body = _body_of(cls.__module__, cls.__qualname__)
    return {
        attribute.target.id: inspect.cleandoc(text.value.value)
        for attribute, text in pairwise(body)
        if isinstance(attribute, ast.AnnAssign) and isinstance(attribute.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
    }


def docstring_of(thing: type | Callable[..., object]) -> str:
    """What a class or a function says of itself, also where Python was told to forget it (PYTHONOPTIMIZE=2).

    Args:
        thing: a class, not its bases, or a function.

    Returns:
        The text without its margin; nothing where there is none, or no source.
    """
    if thing.__doc__ is not None:
        return inspect.cleandoc(thing.__doc__)
    match _body_of(thing.__module__, thing.__qualname__):
        case [ast.Expr(value=ast.Constant(value=str(text))), *_]:
            return inspect.cleandoc(text)
    return ""


def _body_of(module: str, name: str) -> Sequence[ast.stmt]:
    """The statements of a class or function; none where there is no source."""
    file = getattr(sys.modules.get(module), "__file__", None)
    body: Sequence[ast.stmt] = _parsed(file) if file else ()
    for part in name.split("."):
        if part != "<locals>":
            body = next((node.body for node in body if _defines(node, part)), ())  # type: ignore[attr-defined]
    return body


def _defines(node: ast.stmt, name: str) -> bool:
    return isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name


@cache
def _parsed(file: str) -> Sequence[ast.stmt]:
    try:
        return ast.parse(Path(file).read_bytes()).body
    except (OSError, SyntaxError):
        return ()
