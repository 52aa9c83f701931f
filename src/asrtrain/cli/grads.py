"""``asrtrain grads``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asrtrain.cli.loading import without_collector
from asrtrain.cli.options import ReportFormat
from asrtrain.cli.output import print_report


def grads(
    run: Annotated[
        Path | None,
        typer.Argument(metavar="RUN", help="A run folder [dim](default: runs/latest)[/].", show_default=False),
    ] = None,
    *,
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

    print_report(app.grads(run, what_if=what_if or (), plot=plot), report_format)
