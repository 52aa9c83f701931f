"""``asrtrain info``."""

from __future__ import annotations

from typing import Annotated

import typer

from asrtrain.cli.options import ReportFormat
from asrtrain.terminal import show, show_json


def info(
    report_format: ReportFormat = "text",
    bench: Annotated[
        bool, typer.Option("--bench", help="Measure too what the processor can do: matrix products by kind, threads.")
    ] = False,
) -> None:
    """Show versions, processors, GPUs and the corpora that are here: what a bug report needs."""
    from asrtrain.cli.environment import describe_environment

    found = describe_environment()
    measured = None
    if bench:
        from asrtrain.performance.machine import measure_machine

        measured = measure_machine()
    if report_format == "json":
        show_json(found if measured is None else {**found, "bench": measured.to_json()})
        return
    for name, value in found.items():
        show(f"{name:12}{_line(value)}")
    if measured is not None:
        show(measured.to_text())


def _line(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item if item is not None else '(none)'}" for key, item in value.items()) or "none"
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
