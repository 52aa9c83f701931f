"""Printing results."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from asrtrain.terminal import show, show_json


class Report(Protocol):
    """What a command found out."""

    def to_text(self) -> str:
        """For reading."""

    def to_json(self) -> dict[str, Any]:
        """For programs, as plain values."""


def print_report(report: Report, report_format: Literal["text", "json"]) -> None:
    """Print a report to standard output."""
    if report_format == "text":
        show(report.to_text())
        return

    show_json(report.to_json())
