"""``asrtrain eval``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from asrtrain.cli.options import Checkpoint, Device, ReportFormat
from asrtrain.cli.output import print_report


def evaluate(
    run: Annotated[
        Path | None,
        typer.Argument(metavar="RUN", help="A run folder [dim](default: runs/latest)[/].", show_default=False),
    ] = None,
    *,
    data: Annotated[
        Path | None, typer.Option(metavar="MANIFEST", help="Score on this manifest instead of a split of the run.")
    ] = None,
    split: Annotated[Literal["train", "dev", "test"], typer.Option(help="Which split of the run's data.")] = "test",
    checkpoint: Checkpoint = "best",
    device: Device = "auto",
    report_format: ReportFormat = "text",
) -> None:
    """Score a trained recogniser; the details go to the run's folder results."""
    from asrtrain import app

    print_report(app.evaluate(run, data=data, split=split, checkpoint=checkpoint, device=device), report_format)
