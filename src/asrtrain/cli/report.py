"""``asrtrain report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asrtrain.cli.loading import without_collector
from asrtrain.cli.options import Device
from asrtrain.terminal import show


def report(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="RUN", help="Run folders [dim](default: runs/latest)[/].", show_default=False),
    ] = None,
    *,
    more: Annotated[
        list[Path] | None,
        typer.Option("--run", metavar="RUN", help="A run, in place of an argument; repeatable.", show_default=False),
    ] = None,
    output: Annotated[Path, typer.Option(metavar="FILE", help="The page (HTML).")] = Path("report.html"),
    device: Device = "auto",
) -> None:
    """Write one HTML file about runs: curves, gradients, scores, the worst utterances to be heard."""
    with without_collector():
        from asrtrain import app

    show(app.report([*(runs or ()), *(more or ())], output=output, device=device))
