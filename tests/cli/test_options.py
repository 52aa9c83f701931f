"""The options are those that are documented."""

from __future__ import annotations

from typing import Any

import pytest
from typer.main import get_command

from asrtrain.cli import main
from asrtrain.cli.commands import app

OPTIONS = {
    "fit": {
        "--set",
        "--output",
        "--resume",
        "--seed",
        "--device",
        "--dry-run",
        "--overfit",
        "--probe-memory",
        "--nproc",
    },
    "eval": {"--run", "--data", "--split", "--checkpoint", "--device", "--format", "--nproc", "--shard", "--merge"},
    "transcribe": {
        *("--run", "--format", "--output-dir", "--overwrite", "--checkpoint", "--device", "--nproc", "--shard"),
    },
    "align": {
        *("--run", "--data", "--split", "--output", "--format", "--utterance", "--plot", "--checkpoint", "--device"),
    },
    "crossval": {"--set", "--output", "--seed", "--checkpoint", "--device", "--format"},
    "explain": {"--run", "--step", "--batch", "--plot", "--device", "--format"},
    "grads": {"--run", "--what-if", "--plot", "--format"},
    "calibrate": {"--steps", "--set", "--seed", "--plot", "--device", "--format"},
    "compare": {
        *("--clip", "--vary", "--seeds", "--jobs", "--set", "--target", "--gap", "--output", "--device", "--format"),
    },
    "report": {"--run", "--output", "--device"},
    "clip list": {"--format"},
    "clip show": {"--format"},
    "info": {"--bench", "--format"},
    "data list": set(),
    "data get": {"--output", "--from", "--part"},
    "data prepare": {"--output", "--format"},
    "data validate": {
        *("--run", "--config", "--set", "--fix", "--output"),
        *("--input-format", "--audio-root", "--format"),
    },
    "data stats": {"--input-format", "--audio-root", "--format"},
    "data convert": {"--format", "--input-format", "--audio-root"},
    "data shard": {"--output", "--count", "--input-format", "--audio-root"},
    "data synth": {"--output", "--say", "--overwrite", "--count", "--split", "--seed", "--set"},
    "config init": {"--set", "--force"},
    "config list": set(),
    "config copy": {"--force"},
    "config check": {"--set"},
    "config show": {"--set"},
    "config schema": set(),
}


def options(command: Any, path: tuple[str, ...] = ()) -> dict[str, set[str]]:
    commands = getattr(command, "commands", None)
    if commands is None:
        return {" ".join(path): {name for parameter in command.params for name in parameter.opts if name[0] == "-"}}
    return {line: own for name, child in commands.items() for line, own in options(child, (*path, name)).items()}


def test_every_option_of_every_command() -> None:
    assert options(get_command(app)) == OPTIONS


@pytest.mark.parametrize("line", ["fit", "transcribe", "compare", "config init", "info"])
def test_a_flag_shows_no_value(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*line.split(), "--help"]) == 0
    told = capsys.readouterr().out
    assert "--help" in told
    assert "bool" not in told.lower()
