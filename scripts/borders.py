"""Say where files know of particular components that are none of their business; exit with 1 if that is news.

Components are what tables choose by name: models, objectives, clipping rules, sources of recordings, and so on. A
folder of components is one with such a table, ``NAMES: dict[str, type[…]]``. Two borders lie around them:

- ``imports hmm``: outside of ``hmm/`` only the files that join all tables, or all objects, import from it.
- ``asks for a kind``: nobody outside of a component's own folder asks whether something is this component, be it by
  ``isinstance``, ``issubclass``, ``type(…)``, a pattern of ``match``, or by comparing ``.name`` with a name of the
  tables. What differs between components is for themselves to say. What all of a folder are, which its file
  ``interface`` says, may be asked for.

``KNOWN`` counts the lines that were there when the borders were drawn. It may only shrink: whoever mends one lowers
its figure.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from imports import SOURCE, Module, imports_of, module_meant, modules_of

HMM, KIND = "imports hmm", "asks for a kind"
JOINING = ("asrtrain.assembly", "asrtrain.run_config")
"""The modules that join tables, or objects: they may import from ``asrtrain.hmm``."""
KNOWN: dict[tuple[str, str], int] = {
    (KIND, "asrtrain/app/checks.py"): 1,
    (KIND, "asrtrain/app/tuning.py"): 1,
    (KIND, "asrtrain/cli/config/init.py"): 1,
    (KIND, "asrtrain/clipping/block_rms.py"): 2,
    (KIND, "asrtrain/clipping/norm.py"): 4,
    (KIND, "asrtrain/clipping/normalize.py"): 1,
    (KIND, "asrtrain/clipping/parts/groups.py"): 1,
    (KIND, "asrtrain/diagnosis/frames.py"): 1,
    (KIND, "asrtrain/run_config.py"): 2,
}
"""How many offences are known, by border and file."""

_TABLE = re.compile(r"(dict|Mapping)\[str, type\[")

Offences = dict[tuple[str, str], list[int]]
"""Lines by border and file."""


def offences(source: Path) -> Offences:
    """Where the borders are crossed."""
    modules = modules_of(source)
    folders, names = _tables(modules)
    found: Offences = defaultdict(list)
    for module in modules.values():
        file = module.path.relative_to(source).as_posix()
        if lines := sorted({*_imports_of_hmm(module, modules)}):
            found[HMM, file] = lines
        if lines := sorted({*_asked_by_class(module, modules, folders), *_asked_by_name(module, names)}):
            found[KIND, file] = lines
    return found


def _imports_of_hmm(module: Module, modules: Mapping[str, Module]) -> Iterator[int]:
    if _lies_in(module.name, "asrtrain.hmm") or module.name in JOINING:
        return
    for one in imports_of(module):
        if _lies_in(module_meant(one, modules) or "", "asrtrain.hmm"):
            yield one.line


def _tables(modules: Mapping[str, Module]) -> tuple[set[str], dict[str, set[str]]]:
    """The folders of components, and by each name that stands in a table the folders whose tables have it."""
    folders, names = set(), defaultdict(set)
    for module in modules.values():
        for statement in [] if module.name in JOINING else module.tree.body:
            if isinstance(statement, ast.AnnAssign) and _TABLE.match(ast.unparse(statement.annotation)):
                folders.add(module.package)
                for key in statement.value.keys if isinstance(statement.value, ast.Dict) else ():
                    if isinstance(key, ast.Constant) and isinstance(key.value, str):
                        names[key.value].add(module.package)
    return folders, names


def _asked_by_class(module: Module, modules: Mapping[str, Module], folders: Collection[str]) -> Iterator[int]:
    """Lines that compare the class of something with one that comes from a folder of components."""
    foreign = set()
    for one in imports_of(module):
        meant = module_meant(one, modules) or ""
        home = "" if meant.endswith(".interface") else _home(meant, folders)
        if home and not _lies_in(module.name, home):
            foreign.add(one.known_as)
    for node, classes in _comparisons(module.tree):
        if any(isinstance(part, ast.Name) and part.id in foreign for part in ast.walk(classes)):
            yield node.lineno


def _comparisons(tree: ast.AST) -> Iterator[tuple[ast.expr | ast.pattern, ast.expr]]:
    """Every place where a class is asked for, with the classes."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("isinstance", "issubclass")
        ):
            yield from ((node, classes) for classes in node.args[1:])
        elif isinstance(node, ast.MatchClass):
            yield node, node.cls
        elif isinstance(node, ast.Compare) and any(_is_type_of(side) for side in (node.left, *node.comparators)):
            yield from ((node, side) for side in (node.left, *node.comparators))


def _is_type_of(side: ast.expr) -> bool:
    return isinstance(side, ast.Call) and isinstance(side.func, ast.Name) and side.func.id == "type"


def _asked_by_name(module: Module, names: Mapping[str, Collection[str]]) -> Iterator[int]:
    """Lines that compare ``.name`` with the name of a component from elsewhere."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
        elif isinstance(node, ast.Match):
            sides = [node.subject, *(one.value for one in ast.walk(node) if isinstance(one, ast.MatchValue))]
        else:
            continue
        said = {one.value for side in sides for one in ast.walk(side) if isinstance(one, ast.Constant)}
        homes = [names[word] for word in said if isinstance(word, str) and word in names]
        foreign = any(not any(_lies_in(module.name, home) for home in several) for several in homes)
        if foreign and any(isinstance(side, ast.Attribute) and side.attr == "name" for side in sides):
            yield node.lineno


def _home(module: str, folders: Collection[str]) -> str:
    """The nearest folder of components that a module lies in; empty if it lies in none."""
    return max((folder for folder in folders if _lies_in(module, folder)), key=len, default="")


def _lies_in(module: str, folder: str) -> bool:
    return f"{module}.".startswith(f"{folder}.")


def news(found: Mapping[tuple[str, str], list[int]], known: Mapping[tuple[str, str], int]) -> Iterator[str]:
    """A sentence for every file in which there are more offences than are known, or fewer."""
    for border, file in sorted({*found, *known}):
        lines, expected = found.get((border, file), []), known.get((border, file), 0)
        if len(lines) > expected:
            where = ", ".join(map(str, lines))
            yield f"src/{file}: {border} in {len(lines)} lines ({where}), of which {expected} are known"
        elif len(lines) < expected:
            yield f"src/{file}: {border} in {len(lines)} lines: lower its figure in scripts/borders.py, {expected}"


if __name__ == "__main__":
    sentences = list(news(offences(SOURCE), KNOWN))
    print(*sentences, sep="\n", end="\n" if sentences else "")
    sys.exit(bool(sentences))
