"""``asrtrain data prepare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asrtrain.cli.options import ManifestFormat
from asrtrain.terminal import show


def prepare(
    name: Annotated[str, typer.Argument(help="A corpus, as data list names it.", show_default=False)],
    folder: Annotated[
        Path | None,
        typer.Argument(
            help="Where it lies [dim](default: $ASRTRAIN_CORPORA/NAME, or corpora/NAME)[/].", show_default=False
        ),
    ] = None,
    output: Annotated[Path, typer.Option(metavar="DIR", help="Where the manifests go.")] = Path("manifests"),
    manifest_format: Annotated[ManifestFormat, typer.Option("--format", help="Format of the manifests.")] = "jsonl",
) -> None:
    """Write a manifest of each split of a corpus; prints what was written."""
    from asrtrain.cli.corpora import corpora_folder
    from asrtrain.data.corpora.prepare import prepare_corpus

    written = prepare_corpus(name, folder or corpora_folder() / name, output, manifest_format)
    for path in written.values():
        show(path)
