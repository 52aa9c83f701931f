"""Runs and findings as CSV, which reads back as the same."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

from study.findings import Finding
from study.training import Run

Row = TypeVar("Row", Run, Finding)


def write(rows: Sequence[Row], path: Path) -> None:
    """A line a row, numbers with six significant digits, nothing where there is no number."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(field.name for field in fields(rows[0]))
        table.writerows([_text(value) for value in asdict(row).values()] for row in rows)


def read_findings(path: Path) -> list[Finding]:
    with path.open(encoding="utf-8", newline="") as file:
        return [Finding(**_typed(Finding, row)) for row in csv.DictReader(file)]


def read_runs(path: Path) -> list[Run]:
    with path.open(encoding="utf-8", newline="") as file:
        return [Run(**_typed(Run, row)) for row in csv.DictReader(file)]


def _text(value: object) -> object:
    if not isinstance(value, float):
        return value
    return f"{value:.6g}" if math.isfinite(value) else "" if math.isnan(value) else str(value)


def _typed(kind: type[Row], row: dict[str, str]) -> dict[str, Any]:
    readers = {"str": str, "int": int, "float": lambda text: float(text or "nan")}
    return {field.name: readers[str(field.type)](row[field.name]) for field in fields(kind)}
