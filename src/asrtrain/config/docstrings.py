"""What stands in a string below an attribute of a class, read from the source.

pydantic can do so too, but does it for every class at once, and looks for each in every frame of the stack and every
loaded module: that took two fifths of the time that importing asrtrain took over importing PyTorch.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path


def attribute_docstrings(cls: type) -> dict[str, str]:
    """The attributes of a class' objects, not of its bases, that a string follows; none where there is no source."""
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    body: Sequence[ast.stmt] = _parsed(file) if file else ()
    for name in cls.__qualname__.split("."):
        if name != "<locals>":
            body = next((node.body for node in body if _defines(node, name)), ())  # type: ignore[attr-defined]
    return {
        attribute.target.id: inspect.cleandoc(text.value.value)
        for attribute, text in pairwise(body)
        if isinstance(attribute, ast.AnnAssign) and isinstance(attribute.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
    }


def _defines(node: ast.stmt, name: str) -> bool:
    return isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name


@cache
def _parsed(file: str) -> Sequence[ast.stmt]:
    try:
        return ast.parse(Path(file).read_bytes()).body
    except (OSError, SyntaxError):
        return ()
