"""``asrtrain transcribe``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from asrtrain.cli.loading import without_collector
from asrtrain.cli.options import Checkpoint, Device, Processes, RunOption, Shard, one_run
from asrtrain.errors import UsageError
from asrtrain.files.home import at_home
from asrtrain.terminal import show_json_text, show_now

if TYPE_CHECKING:
    from asrtrain.app.recordings import Recording
    from asrtrain.evaluation.transcripts import Transcript

_NAMED = 5
"""Files that a message names."""


def transcribe(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help="Recordings, folders, patterns, - for standard input; the first may be a run folder.",
        ),
    ],
    *,
    run: RunOption = None,
    text_format: Annotated[
        Literal["txt", "json", "jsonl", "srt", "vtt", "tsv"], typer.Option("--format", help="What to write.")
    ] = "txt",
    output_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write a file for each recording, in the folders of the input, not to print."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are in --output-dir.")] = False,
    checkpoint: Checkpoint = "best",
    device: Device = "auto",
    nproc: Processes = 1,
    shard: Shard = None,
) -> None:
    """Transcribe recordings: WAV, FLAC, OGG, Opus or MP3, of any sampling rate and number of channels."""
    with without_collector():
        from asrtrain import app
        from asrtrain.app.recordings import find_recordings, transcript_paths
        from asrtrain.app.sharding import Shard as Part
        from asrtrain.run_folder import is_run

    if is_run(first := at_home(Path(inputs[0]))):
        run, inputs = one_run(first, run), inputs[1:]
        if not inputs:
            raise UsageError(f"{first} is a run folder: name recordings after it")
    recordings = find_recordings(inputs)
    part = Part.parse(shard)
    # Of all recordings, so that every part of them has the names that it has in the whole.
    paths = [] if output_dir is None else transcript_paths(recordings, output_dir, f".{text_format}")
    mine = list(zip(part.of(recordings), part.of(paths), strict=True)) if paths else []
    if not overwrite:
        _refuse_existing([path for _, path in mine])
    names = [recording.name for recording in part.of(recordings)]
    transcripts = app.transcribe(names, run=run, checkpoint=checkpoint, device=device, nproc=nproc)
    if output_dir is not None:
        _write(transcripts, mine, text_format)
    else:
        _print(transcripts, text_format, several=len(recordings) > 1)


def _print(transcripts: Iterable[Transcript], text_format: str, *, several: bool) -> None:
    """One after another, as they are ready; of several with the names of the recordings."""
    from asrtrain.evaluation.joined import JOINED
    from asrtrain.evaluation.transcripts import WRITERS

    pieces = JOINED[text_format](transcripts) if several else map(WRITERS[text_format], transcripts)
    for piece in pieces:
        if text_format in ("json", "jsonl"):
            show_json_text(piece)
        else:
            show_now(piece, end="")


def _write(transcripts: Iterable[Transcript], places: Sequence[tuple[Recording, Path]], text_format: str) -> None:
    """A file a recording. Those that could not be read have no transcript, and are passed over."""
    from asrtrain.evaluation.transcripts import WRITERS
    from asrtrain.files.writing import write_file

    left = iter(places)
    for transcript in transcripts:
        path = next(path for recording, path in left if recording.name == transcript.audio)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, WRITERS[text_format](transcript))
        show_now(path)


def _refuse_existing(paths: Sequence[Path]) -> None:
    """Before any work is done. A link counts too, wherever it points."""
    there = [str(path) for path in paths if path.exists() or path.is_symlink()]
    if there:
        named = ", ".join(there[:_NAMED]) + (f" and {len(there) - _NAMED} more" if len(there) > _NAMED else "")
        raise UsageError(f"{named}: there already; choose another --output-dir, or add --overwrite to replace them")
