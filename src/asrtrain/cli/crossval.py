"""``asrtrain crossval``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asrtrain.cli.options import Checkpoint, ConfigFile, Device, Overrides, ReportFormat, Seed
from asrtrain.cli.output import print_report


def crossval(
    config: ConfigFile,
    *,
    overrides: Overrides = None,
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the folds' run folders go.", show_default=False)
    ] = None,
    seed: Seed = None,
    checkpoint: Checkpoint = "best",
    device: Device = "auto",
    report_format: ReportFormat = "text",
) -> None:
    """Train once for each speaker of the test data, without that speaker, and score on that speaker."""
    from asrtrain import app

    report = app.crossval(
        config, overrides=overrides or (), seed=seed, output=output, checkpoint=checkpoint, device=device
    )
    print_report(report, report_format)
