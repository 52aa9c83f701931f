"""``asrtrain info``."""

from __future__ import annotations

from typing import Annotated

import typer

from asrtrain.cli.options import ReportFormat


def info(
    report_format: ReportFormat = "text",
    bench: Annotated[
        bool, typer.Option("--bench", help="Measure too what the processor can do: matrix products by kind, threads.")
    ] = False,
) -> None:
    """Show versions, processors, GPUs and the corpora that are here: what a bug report needs."""
    import json

    from asrtrain.cli.environment import describe_environment

    found = describe_environment()
    measured = None
    if bench:
        from asrtrain.performance.machine import measure_machine

        measured = measure_machine()
    if report_format == "json":
        print(json.dumps(found if measured is None else {**found, "bench": measured.to_json()}, indent=2))
        return
    for name, value in found.items():
        print(f"{name:12}{_line(value)}")
    if measured is not None:
        print(measured.to_text())


def _line(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item if item is not None else '(none)'}" for key, item in value.items()) or "none"
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
