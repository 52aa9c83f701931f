"""``asrtrain crossval``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asrtrain.cli.loading import without_collector
from asrtrain.cli.options import Checkpoint, Device, Overrides, ReportFormat, Seed
from asrtrain.cli.output import Report, print_report


def crossval(
    configs: Annotated[
        list[Path],
        typer.Argument(metavar="CONFIG…", help="Configuration files; several make one table.", show_default=False),
    ],
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
    with without_collector():
        from asrtrain import app

    if len(configs) == 1:
        report: Report = app.crossval(
            configs[0], overrides=overrides or (), seed=seed, output=output, checkpoint=checkpoint, device=device
        )
    else:
        report = app.crossval_table(
            configs, overrides=overrides or (), seed=seed, output=output, checkpoint=checkpoint, device=device
        )
    print_report(report, report_format)
