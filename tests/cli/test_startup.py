"""What must be quick: help pages load nothing heavy, completion answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from asrtrain.cli.commands import app

HEAVY = ("torch", "torchaudio", "numpy", "librosa", "yaml", "soundfile", "matplotlib", "tensorboard")
PROBE = """
import contextlib, io, json, sys
from asrtrain.cli import main
pages = {}
for line in json.loads(sys.argv[1]):
    page = io.StringIO()
    with contextlib.redirect_stdout(page):
        code = main(line)
    pages[" ".join(line)] = (code, page.getvalue())
print(json.dumps([pages, sorted(name for name in sys.modules if "." not in name)]))
"""


def command_lines() -> list[list[str]]:
    """Every command and group, asked for help."""

    def below(command: object, path: list[str]) -> list[list[str]]:
        commands: dict[str, object] = getattr(command, "commands", {})
        return [path, *(line for name, child in commands.items() for line in below(child, [*path, name]))]

    return [[*path, "--help"] for path in below(get_command(app), [])]


def test_every_help_page_without_loading_anything_heavy() -> None:
    lines = [*command_lines(), ["--version"]]
    output = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(lines)], check=True, capture_output=True, text=True
    ).stdout
    pages, modules = json.loads(output)
    assert len(pages) >= 18
    assert [code for code, _ in pages.values()] == [0] * len(pages)
    assert not set(HEAVY) & set(modules)
    for line, (_, page) in pages.items():
        assert line == "--version" or "Usage:" in page
    assert "--checkpoint" in pages["eval --help"][1]
    assert "transcribe" in pages["--help"][1]
    assert "--version" in pages["--help"][1]


def test_the_first_page_loads_neither_pydantic_nor_the_slow_parts_of_rich() -> None:
    code = "import sys; from asrtrain.cli import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stderr.split()
    assert "rich.table" in loaded
    assert not {"typer.rich_utils", "rich.markdown", "rich.traceback", "pygments", "markdown_it"} & set(loaded)
    assert not {*HEAVY, "pydantic"} & set(loaded)


RESTING = """
import gc, sys
seen = []
gc.callbacks.append(lambda phase, info: seen.append(phase))
from asrtrain.cli import main
before = len(seen)
from asrtrain.cli.loading import without_collector
with without_collector():
    print(gc.isenabled())
main(["report", "no/such/run"])
print(len(seen) - before, gc.isenabled(), gc.get_freeze_count())
frozen = gc.get_freeze_count()
with without_collector():
    print(gc.isenabled(), gc.get_freeze_count() == frozen)
"""


def test_nobody_looks_for_garbage_while_a_command_is_imported_but_afterwards() -> None:
    output = subprocess.run([sys.executable, "-c", RESTING], check=True, capture_output=True, text=True).stdout
    (resting,), (collections, enabled, frozen), again = (line.split() for line in output.splitlines())
    assert resting == "False"
    assert int(collections) < 300, "without the pause there are a thousand beginnings and ends"
    assert enabled == "True"
    assert int(frozen) > 100_000
    assert again == ["True", "True"]


@pytest.mark.parametrize("terminal", [True, False])
def test_help_is_coloured_on_terminals_alone(terminal: bool) -> None:
    environment = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR")}
    environment |= {"TERM": "xterm-256color"} | ({"FORCE_COLOR": "1"} if terminal else {})
    page = subprocess.run(
        [sys.executable, "-m", "asrtrain", "--help"], check=True, capture_output=True, text=True, env=environment
    ).stdout
    assert ("\x1b[" in page) is terminal


def test_the_installed_command_completes_words() -> None:
    command = Path(sys.executable).with_name("asrtrain")
    if not command.exists():
        pytest.skip("the package is not installed beside this Python")
    environment = {**os.environ, "_ASRTRAIN_COMPLETE": "complete_bash", "COMP_WORDS": "asrtrain tr", "COMP_CWORD": "1"}
    answer = subprocess.run([command], check=False, capture_output=True, text=True, env=environment)
    assert answer.stdout.split() == ["transcribe"]


@pytest.mark.parametrize("line", ["clip list", "clip show norm", "--help", "data --help", "fit --help"])
def test_a_python_that_forgets_docstrings_says_the_same(line: str) -> None:
    told = [
        subprocess.run(
            [sys.executable, "-m", "asrtrain", *line.split()],
            check=True, capture_output=True, env={**os.environ, "PYTHONOPTIMIZE": level},
        ).stdout
        for level in ("", "2")
    ]  # fmt: skip
    assert told[0] == told[1]
