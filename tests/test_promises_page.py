"""docs/promises.md names tests that exist, and README links to it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _tests_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_test_that_the_page_names_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
    assert len(named) > 40
    assert PAGE.count("`tests/") == len(named), "a name that is not tests/FILE.py::TEST"
    missing = [f"{file}::{test}" for file, test in named if test not in _tests_in(ROOT / file)]
    assert not missing


def test_every_promise_of_the_page_names_tests() -> None:
    promises = re.split(r"^\*\*", PAGE, flags=re.MULTILINE)[1:]
    assert len(promises) > 15
    assert all("`tests/" in promise for promise in promises)


def test_each_of_the_promises_in_bold_links_to_its_part() -> None:
    promised = re.findall(r"^- \*\*(Nothing [\w ]+)\.\*\*", README, re.MULTILINE)
    assert promised == re.findall(r"^## (Nothing [\w ]+)$", PAGE, re.MULTILINE)
    for promise in promised:
        assert f"docs/promises.md#{promise.lower().replace(' ', '-')}" in README
