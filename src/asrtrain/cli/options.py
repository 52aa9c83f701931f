"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from asrtrain.errors import UsageError

ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG", help="A configuration file (YAML).", show_default=False)]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change a key of the configuration, for example [cyan]--set model.name=lstm[/]; repeatable.",
        show_default=False,
    ),
]
Seed = Annotated[
    int | None, typer.Option(metavar="N", help="Seed of the run, instead of the configuration's.", show_default=False)
]
Device = Annotated[
    str, typer.Option(metavar="auto|cpu|cuda", help="Where to compute; auto takes a GPU if there is one.")
]
RunArgument = Annotated[
    Path | None,
    typer.Argument(metavar="RUN", help="A run folder [dim](default: runs/latest)[/].", show_default=False),
]
RunOption = Annotated[
    Path | None, typer.Option("--run", metavar="RUN", help="The run, in place of an argument.", show_default=False)
]


def one_run(argument: Path | None, option: Path | None) -> Path | None:
    """The run that was named either way. Raises UsageError for two different ones."""
    if argument is not None and option is not None and argument.resolve() != option.resolve():
        raise UsageError(f"{argument} and --run {option} are two runs: leave one of them out")
    return option if argument is None else argument


Checkpoint = Annotated[Literal["best", "last", "average"], typer.Option(help="Which weights of the run.")]
Shard = Annotated[
    str | None,
    typer.Option(metavar="I/N", help="Only part I of N, for jobs that share the work.", show_default=False),
]
Processes = Annotated[int, typer.Option("--nproc", metavar="N", help="Share the work among N processes.")]
ReportFormat = Annotated[Literal["text", "json"], typer.Option("--format", help="For reading, or for programs.")]

ManifestFormat = Literal["csv", "tsv", "jsonl", "kaldi", "folder", "ljspeech"]
Manifest = Annotated[
    Path, typer.Argument(metavar="MANIFEST", help="A manifest or shards: a file, or a folder.", show_default=False)
]
InputFormat = Annotated[
    Literal["auto", "csv", "tsv", "jsonl", "kaldi", "folder", "ljspeech", "shards", "shar"],
    typer.Option("--input-format", help="Format of the manifest that is read."),
]
AudioRoot = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Where relative audio paths begin [dim](default: the manifest's folder)[/].",
        show_default=False,
    ),
]
