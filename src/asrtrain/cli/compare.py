"""``asrtrain compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asrtrain.cli.loading import without_collector
from asrtrain.cli.options import ConfigFile, Device, Overrides, ReportFormat
from asrtrain.cli.output import print_report


def compare(
    config: ConfigFile,
    *,
    rules: Annotated[
        list[str] | None,
        typer.Option(
            "--clip",
            metavar="RULE",
            help="A clipping rule: [cyan]none[/], [cyan]norm:0.1[/] or YAML; repeatable, the first is the baseline.",
            show_default=False,
        ),
    ] = None,
    varied: Annotated[
        list[str] | None,
        typer.Option(
            "--vary",
            metavar="KEY=A,B",
            help="Values of any other key, for example [cyan]--vary optimizer.name=sgd,adam[/]; repeatable.",
            show_default=False,
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(metavar="N", help="Seeds a variant, the same for all.")] = 5,
    jobs: Annotated[int, typer.Option(metavar="J", help="Runs at the same time, each on one thread.")] = 1,
    overrides: Overrides = None,
    target: Annotated[
        float | None,
        typer.Option(metavar="X", help="Count the steps to this development metric (0 to 1).", show_default=False),
    ] = None,
    gap: Annotated[bool, typer.Option("--gap", help="Score the training data too.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the run folders go; name it again to go on.", show_default=False),
    ] = None,
    device: Device = "auto",
    report_format: ReportFormat = "text",
) -> None:
    """Train variants with the same seeds and say which differences are real."""
    with without_collector():
        from asrtrain import app

    report = app.compare(
        config,
        rules=rules or (),
        varied=varied or (),
        seeds=seeds,
        jobs=jobs,
        overrides=overrides or (),
        target=target,
        gap=gap,
        output=output,
        device=device,
    )
    print_report(report, report_format)
