"""Say which modules of the package import one another in a circle; exit with 1 if any do.

All imports count: those at the top of a file, those inside functions, and those for types alone. Who reads one module
of a circle has to read them all, whenever Python itself runs them.

``import a.b.c`` runs ``a/__init__.py`` and ``a/b/__init__.py`` too, so these count as imported. Only a module's own
packages do not: ``a/b/__init__.py`` runs before ``a.b.c`` in any case, and it often imports ``a.b.c`` to hand its
names on, so that every such package would be a circle. ``from a.b import Name`` inside of ``a.b`` does count, and
``from a.b import c`` is an import of ``a.b.c``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from imports import SOURCE, Module, imports_of, module_meant, modules_of

Arrows = dict[str, dict[str, int]]
"""By module: the modules that it imports, each with the first line that does so."""


def arrows_of(modules: Mapping[str, Module]) -> Arrows:
    """Which module imports which."""
    found: Arrows = {name: {} for name in modules}
    for name, module in modules.items():
        for one in imports_of(module):
            meant = module_meant(one, modules)
            for other in [] if meant is None else [meant, *_run_too(meant, name)]:
                if other != name and other in modules:
                    found[name][other] = min(one.line, found[name].get(other, one.line))
    return found


def _run_too(imported: str, importer: str) -> list[str]:
    """The packages around an imported module, without those that the importer lies in itself."""
    parts = imported.split(".")
    packages = (".".join(parts[:length]) for length in range(1, len(parts)))
    return [package for package in packages if not f"{importer}.".startswith(f"{package}.")]


def circles(arrows: Arrows) -> list[list[str]]:
    """Sets of modules each of which leads to all others of its set."""
    reached = {name: _reached(name, arrows) for name in arrows}
    found = {tuple(sorted(other for other in reached[name] if name in reached[other])) for name in arrows}
    return sorted(list(circle) for circle in found if circle)


def _reached(start: str, arrows: Arrows) -> set[str]:
    """The modules that a module's imports lead to; itself, if there is a way back."""
    found: set[str] = set()
    left = list(arrows[start])
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += arrows[name]
    return found


def found(source: Path) -> Iterator[str]:
    """Lines that tell of every circle, with the place of every import in it."""
    modules = modules_of(source)
    arrows = arrows_of(modules)
    for circle in circles(arrows):
        yield f"{len(circle)} modules import one another: {', '.join(circle)}"
        for name in circle:
            place = modules[name].path.relative_to(source.parent)
            for other in sorted(set(circle) & set(arrows[name])):
                yield f"  {place}:{arrows[name][other]}: {name} imports {other}"


if __name__ == "__main__":
    lines = list(found(SOURCE))
    print(*lines, sep="\n", end="\n" if lines else "")
    sys.exit(bool(lines))
