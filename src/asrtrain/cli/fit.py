"""``asrtrain fit``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from asrtrain.cli.loading import without_collector
from asrtrain.cli.options import ConfigFile, Device, Overrides, Seed
from asrtrain.errors import UsageError
from asrtrain.terminal import mention, show


def fit(
    config: ConfigFile,
    *,
    overrides: Overrides = None,
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The run folder, instead of a new one in output_dir.")
    ] = None,
    resume: Annotated[
        Literal["auto", "never", "must"],
        typer.Option(help="Go on with a stopped run of the same configuration: if there is one, never, or only so."),
    ] = "auto",
    seed: Seed = None,
    device: Device = "auto",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and build everything, but do not train.")] = False,
    overfit: Annotated[
        int | None,
        typer.Option(metavar="N", help="Train and validate on N utterances, spread evenly: does it learn?"),
    ] = None,
    probe_memory: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Do not train: find the largest batch that fits into so much memory (4GB; auto: all that is free).",
        ),
    ] = None,
    nproc: Annotated[
        int | None, typer.Option(metavar="N", help="Train in N processes of this machine, one a GPU if it has GPUs.")
    ] = None,
) -> None:
    """Train a recogniser; prints the run folder last."""
    with without_collector():
        from asrtrain import app, run_folder
    from asrtrain.app.processes import leads

    if probe_memory is not None:
        if dry_run or resume != "auto" or any(given is not None for given in (output, seed, overfit, nproc)):
            raise UsageError("--probe-memory trains no run: it takes --set and --device, leave the other options away")
        from asrtrain.app.memory import probe_memory as probe

        show(probe(config, probe_memory, overrides=overrides or (), device=device).to_text())
        return

    folder = app.fit(
        config,
        overrides=overrides or (),
        output=output,
        resume=resume,
        seed=seed,
        device=device,
        dry_run=dry_run,
        overfit=overfit,
        nproc=nproc,
        latest_in=(run_folder.RUNS,),
    )
    if leads():
        mention(folder)
