"""``asrtrain data convert``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asrtrain.cli.options import AudioRoot, InputFormat, Manifest, ManifestFormat
from asrtrain.interrupts import held
from asrtrain.terminal import say, show


def convert(
    manifest: Manifest,
    output: Annotated[Path, typer.Argument(help="The manifest to write: a file, or a folder.", show_default=False)],
    manifest_format: Annotated[
        ManifestFormat | None,
        typer.Option("--format", help="Format to write [dim](default: by OUTPUT's suffix)[/].", show_default=False),
    ] = None,
    input_format: InputFormat = "auto",
    audio_root: AudioRoot = None,
) -> None:
    """Write a manifest in another format; prints where it is."""
    with held():
        from asrtrain.data.conversion import convert_manifest

    count = convert_manifest(manifest, output, manifest_format, source_format=input_format, audio_root=audio_root)
    say(f"{count} utterances")
    show(output)
