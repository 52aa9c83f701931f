"""``asrtrain align``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from asrtrain.cli.loading import without_collector
from asrtrain.cli.options import Checkpoint, Device, RunArgument, RunOption, one_run
from asrtrain.terminal import show


def align(
    run: RunArgument = None,
    *,
    run_option: RunOption = None,
    data: Annotated[
        Path | None, typer.Option(metavar="MANIFEST", help="Align this manifest instead of a split of the run.")
    ] = None,
    split: Annotated[Literal["train", "dev", "test"], typer.Option(help="Which split of the run's data.")] = "test",
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Where to write [dim](default: alignments in the run's folder)[/].", show_default=False
        ),
    ] = None,
    text_format: Annotated[
        Literal["ctm", "textgrid", "jsonl"],
        typer.Option("--format", help="Kaldi's CTM, Praat's TextGrid, or JSON lines."),
    ] = "ctm",
    only: Annotated[
        list[str] | None,
        typer.Option("--utterance", metavar="ID", help="Only this utterance; repeatable.", show_default=False),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png", help="Draw the first utterance: spectrogram, words, states.", show_default=False
        ),
    ] = None,
    checkpoint: Checkpoint = "best",
    device: Device = "auto",
) -> None:
    """Find where words, units and states of transcripts lie in time, by a run of gmm_hmm or dnn_hmm."""
    with without_collector():
        from asrtrain import app

    for path in app.align(
        one_run(run, run_option),
        data=data,
        split=split,
        output=output,
        text_format=text_format,
        plot=plot,
        only=only or (),
        checkpoint=checkpoint,
        device=device,
    ):
        show(path)
