"""Write the documents that are generated from the code; with --check, say what has drifted and exit with 1."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from clipping_page import write_clipping_page

from asrtrain import __version__
from asrtrain.cli import main as asrtrain
from asrtrain.config.reference import write_reference
from asrtrain.config.schema import json_schema
from asrtrain.errors import DataError
from asrtrain.run_config import RunConfig

ROOT = Path(__file__).resolve().parent.parent
TITLE = """# Every key of a configuration

Written by `scripts/docs.py` from the code. Components are chosen by `name`; `model: lstm` is short for
`model: {name: lstm}`. `asrtrain config init` writes these keys into a file to start from.

"""


def generated() -> dict[str, str]:
    """The text of every generated document, by its path."""
    return {
        "docs/reference.md": TITLE + write_reference(RunConfig),
        "docs/clipping.md": write_clipping_page(),
        "docs/config.schema.json": json.dumps(json_schema(RunConfig), indent=2, ensure_ascii=False) + "\n",
    }


def drifted_documents() -> Iterator[str]:
    for name, text in generated().items():
        path = ROOT / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            yield f"{name} does not follow from the code; run: scripts/docs.py"


def drifted_tree() -> Iterator[str]:
    """README's tree names every package, and nothing that is not there."""
    tree = re.search(r"```\n(pyproject\.toml .*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    if tree is None:
        yield "README.md has no folder tree"
        return
    named = set(re.findall(r"^  (\w+(?:/|\.py))", tree[1], re.MULTILINE))
    source = ROOT / "src" / "asrtrain"
    there = {f"{p.name}/" for p in source.iterdir() if (p / "__init__.py").is_file()}
    there |= {p.name for p in source.glob("*.py") if not p.name.startswith("__")}
    yield from (f"README.md's tree does not name src/asrtrain/{name}" for name in sorted(there - named))
    yield from (f"README.md's tree names src/asrtrain/{name}, which is not there" for name in sorted(named - there))


def drifted_configs() -> Iterator[str]:
    """Every shipped configuration is one, and README names it."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in sorted((ROOT / "configs").glob("*.yaml")):
        if asrtrain(["config", "check", str(path)]) not in (0, DataError.exit_code):  # data may be elsewhere
            yield f"{path.name} is no configuration"
        if path.name not in readme:
            yield f"README.md does not name configs/{path.name}"


def drifted_versions() -> Iterator[str]:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    if f"## {__version__}" not in changelog and "## Unreleased" not in changelog:
        yield f"CHANGELOG.md has neither a section Unreleased nor {__version__}"


def dead_links() -> Iterator[str]:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            if not (page.parent / target).exists():
                yield f"{page.relative_to(ROOT)} links to {target}, which is not there"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        checks = (drifted_documents, drifted_tree, drifted_configs, drifted_versions, dead_links)
        problems = [problem for check in checks for problem in check()]
        print("\n".join(problems), file=sys.stderr)
        return int(bool(problems))
    for name, text in generated().items():
        (ROOT / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
