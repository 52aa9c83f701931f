"""``asrtrain grads``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asrtrain.cli.loading import without_collector
from asrtrain.cli.options import ReportFormat, RunArgument, RunOption, one_run
from asrtrain.cli.output import print_report


def grads(
    run: RunArgument = None,
    *,
    run_option: RunOption = None,
    what_if: Annotated[
        list[str] | None,
        typer.Option(
            "--what-if",
            metavar="RULE",
            help="Send the run's norms through another rule: [cyan]norm:0.5[/], YAML, or [cyan]own[/]; repeatable.",
            show_default=False,
        ),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw norms and thresholds (PNG).", show_default=False)
    ] = None,
    report_format: ReportFormat = "text",
) -> None:
    """Show what a run's gradients were, and what other clipping rules would have done to them."""
    with without_collector():
        from asrtrain import app

    print_report(app.grads(one_run(run, run_option), what_if=what_if or (), plot=plot), report_format)
