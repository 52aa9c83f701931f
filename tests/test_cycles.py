"""Circles of imports are found, whichever way round them is lazy or for types alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
sys.path.insert(0, str(SCRIPTS))

from cycles import found  # noqa: E402

IMPORTED = "from pack import one\n"
LAZY = "def f():\n    from pack.one import x\n"
FOR_TYPES = "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from pack.one import X\n"
RELATIVE = "from . import one\n"


def tree(folder: Path, **files: str) -> Path:
    """A package ``pack`` with these modules; ``sub__a`` is ``sub/a.py``."""
    for name, text in {"__init__": "", **files}.items():
        path = folder / "src" / "pack" / (name if name == "__init__" else name.replace("__", "/", 1))
        path = path.with_name(f"{path.name}.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "src"


@pytest.mark.parametrize("back", [IMPORTED, LAZY, FOR_TYPES, RELATIVE])
def test_a_circle_is_found_whatever_kind_its_imports_are(tmp_path: Path, back: str) -> None:
    source = tree(tmp_path, one="import pack.two\n", two=back)
    line = back.splitlines().index(next(line for line in back.splitlines() if "one" in line)) + 1
    assert list(found(source)) == [
        "2 modules import one another: pack.one, pack.two",
        "  src/pack/one.py:1: pack.one imports pack.two",
        f"  src/pack/two.py:{line}: pack.two imports pack.one",
    ]


def test_a_package_that_hands_names_on_is_no_circle_with_its_modules(tmp_path: Path) -> None:
    source = tree(tmp_path, sub____init__="from pack.sub.a import x\n", sub__a="from pack.sub import b\n", sub__b="")
    assert not list(found(source))


def test_a_module_that_asks_its_own_package_is_in_a_circle(tmp_path: Path) -> None:
    source = tree(tmp_path, sub____init__="from pack.sub.a import x\n", sub__a="from pack.sub import y\n")
    assert next(found(source)) == "2 modules import one another: pack.sub, pack.sub.a"


def test_importing_a_module_runs_the_packages_around_it(tmp_path: Path) -> None:
    source = tree(tmp_path, sub____init__="import pack.user\n", sub__a="", user="import pack.sub.a\n")
    assert next(found(source)) == "2 modules import one another: pack.sub, pack.user"


def test_this_repository_has_none() -> None:
    done = subprocess.run([sys.executable, SCRIPTS / "cycles.py"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
