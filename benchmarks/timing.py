"""Timing candidates side by side: interleaved rounds in one process, CPU time, medians."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median


def interleaved(
    candidates: Mapping[str, Callable[[], object]], rounds: int, *, prepare: Callable[[], object] = lambda: None
) -> dict[str, float]:
    """The median CPU seconds of each candidate; every round runs all of them, so that load falls on all alike.

    ``prepare`` is called before every run, and not timed.
    """
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds + 1):
        for name, run in candidates.items():
            prepare()
            began = time.process_time()
            run()
            seconds[name].append(time.process_time() - began)
    return {name: median(values[1:]) for name, values in seconds.items()}  # the first run warms up
