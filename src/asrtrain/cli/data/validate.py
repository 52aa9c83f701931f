"""``asrtrain data validate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from asrtrain.cli.options import AudioRoot, InputFormat, Overrides, ReportFormat
from asrtrain.cli.output import print_report
from asrtrain.errors import DataError, UsageError
from asrtrain.interrupts import held
from asrtrain.terminal import say

if TYPE_CHECKING:
    from asrtrain.data.validation import Report

CONFIGURATIONS = (".yaml", ".yml")


def validate(
    target: Annotated[
        Path,
        typer.Argument(
            metavar="TARGET", help="A manifest or shards, or a configuration for all its data.", show_default=False
        ),
    ],
    *,
    run: Annotated[
        Path | None, typer.Option(help="Check a manifest against the recogniser of this run.", show_default=False)
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Check a manifest as training data of this configuration.", show_default=False)
    ] = None,
    overrides: Overrides = None,
    fix: Annotated[
        Literal["drop"] | None, typer.Option(help="Write the manifest without its errors, and the list of them.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="The manifest that --fix writes [dim](default: MANIFEST-clean)[/].", show_default=False),
    ] = None,
    input_format: InputFormat = "auto",
    audio_root: AudioRoot = None,
    report_format: ReportFormat = "text",
) -> None:
    """Decode every recording and check every text: unreadable, silent, clipped, doubled, too long …"""
    with held():
        from asrtrain.cli.data import checking
        from asrtrain.data.validation import validate_manifest

    if target.suffix in CONFIGURATIONS:
        if fix or run or config:
            raise UsageError(f"{target}: --fix, --run and --config go with a manifest; give that of data.train")
        report = checking.check_configuration(target, overrides or ())
    else:
        requirements = checking.requirements(
            target, input_format, audio_root, run=run, config=config, overrides=overrides or ()
        )
        report = validate_manifest(target, requirements, format=input_format, audio_root=audio_root, progress=True)
    print_report(report, report_format)
    if fix:
        _drop(report, target, output)
    elif not report.ok:
        raise typer.Exit(DataError.exit_code)


def _drop(report: Report, manifest: Path, output: Path | None) -> None:
    from asrtrain.data.validation import drop_errors

    suffix = manifest.suffix if manifest.suffix in (".csv", ".tsv", ".jsonl") else ".jsonl"
    clean = output or manifest.with_name(f"{manifest.stem}-clean{suffix}")
    dropped_list = clean.with_name(f"{clean.stem}-dropped.jsonl")
    for path in (clean, dropped_list):
        if path.exists():
            raise DataError(f"{path} exists already: choose another --output, or delete it first")
    cleaned = drop_errors(report, clean, dropped_list)
    say(f"kept {cleaned.kept} utterances in {clean}")
    say(f"dropped {cleaned.dropped}, listed in {dropped_list}")
