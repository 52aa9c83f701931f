"""``asrtrain data get``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asrtrain.files.home import at_home
from asrtrain.terminal import say, show


def get(
    name: Annotated[str, typer.Argument(help="A corpus, as data list names it.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where it goes [dim](default: $ASRTRAIN_CORPORA/NAME, or corpora/NAME)[/].",
            show_default=False,
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="SOURCE", help="A local archive or folder, or another address.", show_default=False
        ),
    ] = None,
    parts: Annotated[
        list[str] | None, typer.Option("--part", help="Only this part of the corpus; repeatable.", show_default=False)
    ] = None,
) -> None:
    """Get a corpus: download it (resumed and checksummed), or take a local archive or folder; prints where it is."""
    from asrtrain.cli.corpora import corpora_folder
    from asrtrain.data.corpora.obtain import get_corpus

    source = None if source is None else at_home(source)
    obtained = get_corpus(name, output or corpora_folder() / name, source=source, parts=parts or ())
    for address, checksum in obtained.unverified.items():
        say(f"notice: no checksum is published for {address}; this download has {checksum}")
    show(obtained.folder)
