"""``asrtrain eval``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from asrtrain.cli.loading import without_collector
from asrtrain.cli.options import Checkpoint, Device, Processes, ReportFormat, RunArgument, RunOption, Shard, one_run
from asrtrain.cli.output import print_report
from asrtrain.errors import UsageError


def evaluate(
    run: RunArgument = None,
    *,
    run_option: RunOption = None,
    data: Annotated[
        Path | None, typer.Option(metavar="MANIFEST", help="Score on this manifest instead of a split of the run.")
    ] = None,
    split: Annotated[Literal["train", "dev", "test"], typer.Option(help="Which split of the run's data.")] = "test",
    checkpoint: Checkpoint = "best",
    device: Device = "auto",
    nproc: Processes = 1,
    shard: Shard = None,
    merge: Annotated[
        int | None, typer.Option(metavar="N", help="Join what parts 1/N to N/N have found, instead of scoring.")
    ] = None,
    report_format: ReportFormat = "text",
) -> None:
    """Score a trained recogniser; the details go to the run's folder results."""
    with without_collector():
        from asrtrain import app

    run = one_run(run, run_option)
    if merge is not None:
        if shard is not None or nproc != 1:
            raise UsageError("--merge joins what was scored before: leave --shard and --nproc away")
        report = app.merge(run, parts=merge, data=data, split=split, checkpoint=checkpoint)
    else:
        report = app.evaluate(
            run, data=data, split=split, checkpoint=checkpoint, device=device, nproc=nproc, shard=shard
        )
    print_report(report, report_format)
