"""``asrtrain config copy``."""

from __future__ import annotations

from typing import Annotated

import typer

from asrtrain.errors import UsageError
from asrtrain.terminal import say, show


def copy(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Names that 'config list' shows.", show_default=False)
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there and differ.")] = False,
) -> None:
    """Copy configurations that come with asrtrain into the folder configs, with the files that they need."""
    from asrtrain.config.shipped import files_of, needed_first
    from asrtrain.files.writing import make_folder, write_file

    wanted = {path: text for name in names for path, text in files_of(name)}
    for path, text in wanted.items():
        if path.exists() and not force and path.read_text(encoding="utf-8") != text:
            raise UsageError(f"{path} is there already, and differs: rename it, or add --force to replace it")
    for path, text in wanted.items():
        try:
            make_folder(path.parent)
            write_file(path, text)
        except OSError as error:
            raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
        show(path)
    for path, text in wanted.items():
        for _, command in needed_first(text):
            say(f"{path} learns from another run, whose configuration is here too; train that first: {command}")
    say(f"next: change what is yours, then asrtrain config check {next(iter(wanted))}")
