"""``asrtrain config init``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from asrtrain.cli.options import Overrides
from asrtrain.errors import UsageError
from asrtrain.terminal import readable, say, show

if TYPE_CHECKING:
    from asrtrain.run_config import RunConfig

_START: dict[str, Any] = {
    "data": {"train": {"name": "synth"}, "test": {"name": "synth", "split": "held_out", "count": 500}},
    "model": {"name": "cnn"},
    "schedule": {"name": "one_cycle"},
}
"""What has no default: it runs anywhere, without a download."""
_HEADER = """\
# A configuration of asrtrain: every key, with its default or a choice to start from.
#   asrtrain config check {path}      finds mistakes
#   asrtrain fit {path}               trains
# Editors complete the keys when 'asrtrain config schema > asrtrain.schema.json' was run, from this line:
# yaml-language-server: $schema=asrtrain.schema.json

"""


def init(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write; - prints it.")] = Path(
        "asrtrain.yaml"
    ),
    overrides: Overrides = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if there is one.")] = False,
) -> None:
    """Write a commented configuration to start from: every key, what it means, and what may stand there."""
    from asrtrain.config.template import write_template
    from asrtrain.files.writing import write_file

    # A line break in the name would end the comment.
    text = _HEADER.format(path=readable(str(path)).replace("\n", "\\n")) + write_template(_start(overrides or ()))
    if path == Path("-"):
        show(text, end="")
        return
    if path.exists() and not force:
        raise UsageError(f"{path} exists already: choose another name, or add --force to replace it")
    try:
        write_file(path, text)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
    say(f"next: asrtrain config check {path}")
    show(path)


def _start(overrides: Sequence[str]) -> RunConfig:
    """The configuration to start from: one that trains on other data is not tested on synthetic digits unasked."""
    from asrtrain.config.loading import build_config
    from asrtrain.data.synthesis import SynthConfig
    from asrtrain.run_config import RunConfig

    config = build_config(RunConfig, _START, overrides)
    if isinstance(config.data.train, SynthConfig):
        return config
    untested = {**_START, "data": {"train": {"name": "synth"}}}
    return build_config(RunConfig, untested, overrides)
