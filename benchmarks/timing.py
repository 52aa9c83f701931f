"""Timing candidates side by side: interleaved rounds in one process, CPU time, medians."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median


def interleaved(candidates: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median CPU seconds of each candidate; every round runs all of them, so that load falls on all alike."""
    for run in candidates.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, run in candidates.items():
            began = time.process_time()
            run()
            seconds[name].append(time.process_time() - began)
    return {name: median(values) for name, values in seconds.items()}
