"""``asrtrain data shard``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asrtrain.cli.options import AudioRoot, InputFormat, Manifest
from asrtrain.interrupts import held
from asrtrain.terminal import say, show


def shard(
    manifest: Manifest,
    output: Annotated[Path, typer.Option(help="The folder to write, new or empty.", show_default=False)],
    count: Annotated[int, typer.Option(help="Utterances in a shard.", min=1)] = 1000,
    input_format: InputFormat = "auto",
    audio_root: AudioRoot = None,
) -> None:
    """Write recordings and texts into tar files for [bold]data.train: {name: shards}[/]; prints where they are."""
    with held():
        from asrtrain.data.manifest import read_manifest
        from asrtrain.data.shards import write_shards

    utterances = read_manifest(manifest, input_format, audio_root)
    shards = write_shards(utterances, output, count)
    say(f"{len(utterances)} utterances in {shards} shards")
    show(output)
