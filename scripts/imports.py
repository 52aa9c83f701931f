"""The modules of a package's source, and what they import: at the top, inside functions, and for types alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

SOURCE = Path(__file__).resolve().parent.parent / "src"


@final
@dataclass(frozen=True)
class Module:
    """A file of Python: ``a.b`` is ``a/b.py``, or ``a/b/__init__.py``."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def package(self) -> str:
        """The package that relative imports start from."""
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]


@final
@dataclass(frozen=True)
class Import:
    """A name that a file imports: ``from origin import name as known_as``; ``name`` is empty for ``import origin``."""

    line: int
    origin: str
    name: str = ""
    known_as: str = ""


def modules_of(source: Path) -> dict[str, Module]:
    """Every module below the folder that packages lie in, by its name."""
    found = {}
    for path in sorted(source.rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = Module(name, path, ast.parse(path.read_text(encoding="utf-8"), str(path)))
    return found


def imports_of(module: Module) -> Iterator[Import]:
    """Everything that a file imports, wherever in it that stands."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (Import(node.lineno, alias.name, "", alias.asname or "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = _absolute(module.package, node.level, node.module or "")
            yield from (Import(node.lineno, origin, alias.name, alias.asname or alias.name) for alias in node.names)


def module_meant(found: Import, modules: Mapping[str, Module]) -> str | None:
    """The module of this source that an import names: ``from a import b`` is ``a.b`` where that is one, else ``a``."""
    whole = f"{found.origin}.{found.name}"
    return whole if whole in modules else found.origin if found.origin in modules else None


def _absolute(package: str, level: int, name: str) -> str:
    if not level:
        return name
    base = package.split(".")[: len(package.split(".")) - level + 1]
    return ".".join([*base, name] if name else base)
