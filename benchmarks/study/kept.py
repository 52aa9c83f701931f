"""A file of runs, a line each: what is in it is not run again."""

from __future__ import annotations

import json
import multiprocessing
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

import torch

from study.plan import Order
from study.training import Run, make


def read(path: Path) -> dict[tuple[str, ...], Run]:
    """Runs by everything that their orders change."""
    rows = [json.loads(line) for line in _whole_lines(path)]
    return {tuple(row["order"]): Run(**row["run"]) for row in rows}


def _whole_lines(path: Path) -> list[str]:
    """A line that a crash has cut short counts as never written."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    return [line for line in lines if line.endswith("\n")]


def complete(orders: Sequence[Order], path: Path, workers: int) -> list[Run]:
    """Make the runs that are not in the file yet, and return all, in the order of the orders."""
    known = read(path)
    missing = [order for order in orders if _key(order) not in known]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(_whole_lines(path)), encoding="utf-8")
    with (
        # Forking a process that has used torch's threads may hang.
        ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin) as pool,
        path.open("a", encoding="utf-8") as file,
    ):
        for number, (order, run) in enumerate(zip(missing, pool.map(make, missing), strict=True), 1):
            file.write(json.dumps({"order": _key(order), "run": asdict(run)}) + "\n")
            file.flush()
            known[_key(order)] = run
            print(f"{number}/{len(missing)} {' '.join(map(str, asdict(order).values()))} {run.lost}", file=sys.stderr)
    return [known[_key(order)] for order in orders]


def _key(order: Order) -> tuple[str, ...]:
    return (order.part, order.base, *order.overrides)


def _begin() -> None:
    torch.set_num_threads(1)
