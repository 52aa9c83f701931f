"""Paths on the command line: a ~ that the shell has left, as in ``--output=~/x``, is the user's folder here too."""

from __future__ import annotations

from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

from asrtrain.files.home import at_home

if TYPE_CHECKING:
    from typer._click import Command


def take_home(command: Command) -> None:
    """Let a command be called with every path, and every list of paths, as ``at_home`` returns it."""
    function = command.callback
    if function is None:
        return

    @wraps(function)
    def called(**given: object) -> object:
        return function(**{name: _expanded(value) for name, value in given.items()})

    command.callback = called


def _expanded(value: object) -> object:
    if isinstance(value, list | tuple):
        return [_expanded(item) for item in value]
    return at_home(value) if isinstance(value, Path) else value
