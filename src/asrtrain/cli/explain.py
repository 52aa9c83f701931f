"""``asrtrain explain``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asrtrain.cli.loading import without_collector
from asrtrain.cli.options import Device, ReportFormat, RunArgument, RunOption, one_run
from asrtrain.cli.output import print_report


def explain(
    run: RunArgument = None,
    *,
    run_option: RunOption = None,
    step: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="The step, as the log counts them [dim](default: the worst)[/].", show_default=False
        ),
    ] = None,
    batch: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A step saved in a run's folder explain, instead of RUN.", show_default=False
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw gradients over time and growth by module (PNG).", show_default=False),
    ] = None,
    device: Device = "auto",
    report_format: ReportFormat = "text",
) -> None:
    """Say which module, utterance and frame made a step's gradient explode."""
    with without_collector():
        from asrtrain import app

    print_report(app.explain(one_run(run, run_option), step=step, batch=batch, plot=plot, device=device), report_format)
