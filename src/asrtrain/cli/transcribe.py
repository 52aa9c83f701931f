"""``asrtrain transcribe``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from asrtrain.cli.loading import without_collector
from asrtrain.cli.options import Checkpoint, Device, Processes, Run, Shard
from asrtrain.terminal import show_json, show_now

if TYPE_CHECKING:
    from asrtrain.evaluation.transcripts import Transcript


def transcribe(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="FILE", help="Recordings, folders, patterns, or - for standard input."),
    ],
    *,
    run: Run = None,
    text_format: Annotated[
        Literal["txt", "json", "jsonl", "srt", "vtt", "tsv"], typer.Option("--format", help="What to write.")
    ] = "txt",
    output_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write a file for each recording, instead of printing.")
    ] = None,
    checkpoint: Checkpoint = "best",
    device: Device = "auto",
    nproc: Processes = 1,
    shard: Shard = None,
) -> None:
    """Transcribe recordings: WAV, FLAC, OGG, Opus or MP3, of any sampling rate and number of channels."""
    with without_collector():
        from asrtrain import app

    transcripts = app.transcribe(inputs, run=run, checkpoint=checkpoint, device=device, nproc=nproc, shard=shard)
    if output_dir is not None:
        _write(transcripts, text_format, output_dir)
    else:
        _print(transcripts, text_format)


def _print(transcripts: Iterable[Transcript], text_format: str) -> None:
    """One after another, as they are ready; of JSON, which is one value, an array where there are several."""
    from asrtrain.evaluation.transcripts import WRITERS

    if text_format == "json":
        found = [transcript.to_json() for transcript in transcripts]
        show_json(found[0] if len(found) == 1 else found)
        return
    for transcript in transcripts:
        show_now(WRITERS[text_format](transcript), end="")


def _write(transcripts: Iterable[Transcript], text_format: str, folder: Path) -> None:
    """A file a recording, named after it; of two recordings of one name the second gets a number."""
    from asrtrain.evaluation.transcripts import WRITERS
    from asrtrain.files.writing import write_file

    folder.mkdir(parents=True, exist_ok=True)
    written: set[Path] = set()
    for transcript in transcripts:
        path = _free_name(folder, Path(transcript.audio).stem, text_format, written)
        write_file(path, WRITERS[text_format](transcript))
        written.add(path)
        show_now(path)


def _free_name(folder: Path, stem: str, suffix: str, taken: set[Path]) -> Path:
    path, number = folder / f"{stem}.{suffix}", 1
    while path in taken:
        number += 1
        path = folder / f"{stem}-{number}.{suffix}"
    return path
