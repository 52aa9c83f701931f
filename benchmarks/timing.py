"""Timing candidates side by side: interleaved rounds, CPU time, medians."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from random import Random
from statistics import median


def interleaved(
    candidates: Mapping[str, Callable[[], object]], rounds: int, *, prepare: Callable[[], object] = lambda: None
) -> dict[str, float]:
    """The median CPU seconds of each candidate.

    Every round runs all of them, and each round in an order of its own: load falls on all alike, and so does what the
    run before leaves in the caches. ``prepare`` is called before every run, and not timed.
    """

    def timed(run: Callable[[], object]) -> Callable[[], float]:
        def seconds() -> float:
            prepare()
            return cpu_seconds(run)

        return seconds

    return medians({name: timed(run) for name, run in candidates.items()}, rounds)


def medians(candidates: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """The same of candidates that say themselves what a run of theirs took, in another process for instance."""
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    orders = Random(0)
    for _ in range(rounds + 1):
        for name in orders.sample(list(candidates), len(candidates)):
            seconds[name].append(candidates[name]())
    return {name: median(values[1:]) for name, values in seconds.items()}  # the first run warms up


def cpu_seconds(run: Callable[[], object]) -> float:
    """What one run takes of this process's CPU time."""
    began = time.process_time()
    run()
    return time.process_time() - began


def import_torch() -> float:
    """CPU seconds of a process that does nothing else."""
    command = [sys.executable, "-c", "import time, torch; print(time.process_time())"]
    return float(subprocess.run(command, check=True, capture_output=True).stdout)
