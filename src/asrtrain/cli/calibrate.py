"""``asrtrain calibrate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asrtrain.cli.loading import without_collector
from asrtrain.cli.options import ConfigFile, Device, Overrides, ReportFormat, Seed
from asrtrain.cli.output import print_report


def calibrate(
    config: ConfigFile,
    *,
    steps: Annotated[
        int | None,
        typer.Option(metavar="N", help="Steps to take [dim](default: one epoch, at most 500)[/].", show_default=False),
    ] = None,
    overrides: Overrides = None,
    seed: Seed = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the norms (PNG).", show_default=False)] = None,
    device: Device = "auto",
    report_format: ReportFormat = "text",
) -> None:
    """Try a run for some steps, keep nothing, and propose thresholds with the share of steps that each would clip."""
    with without_collector():
        from asrtrain import app

    report = app.calibrate(config, steps=steps, overrides=overrides or (), seed=seed, plot=plot, device=device)
    print_report(report, report_format)
