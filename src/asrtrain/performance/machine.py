"""What this machine's processor can do: matrix products a second, by precision, library and threads."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any, final

import torch

from asrtrain.performance.setup import Setup, cores, has_bf16, using

_SIZE = 1024
"""Rows and columns of the matrices that the peak is measured with."""
_SMALL = 256
"""Of those that more threads are tried with: as fine-grained as training, where they wait for each other often."""


@final
@dataclass(frozen=True, slots=True)
class Bench:
    """Matrix products in 10⁹ multiplications and additions a second of CPU time, by setup; and what threads add."""

    gflops: Mapping[Setup, float]
    threads: int
    thread_speedup: float

    def to_text(self) -> str:
        """A small table."""
        first = next(iter(self.gflops.values()))
        rows = [f"  {setup!s:40}{speed:8.0f}  {speed / first:5.2f} ×" for setup, speed in self.gflops.items()]
        small = f"{self.threads} threads multiply small matrices {self.thread_speedup:.2f} × as fast as one"
        return "\n".join([f"{'matrix products':42}{'GFLOP/s':>8}", *rows, small])

    def to_json(self) -> dict[str, Any]:
        """The same figures by name."""
        return {
            "gflops": {str(setup): speed for setup, speed in self.gflops.items()},
            "threads": self.threads,
            "thread_speedup": self.thread_speedup,
        }


def measure_machine(rounds: int = 7) -> Bench:
    """A second of matrix products of every kind that one thread has, in rounds that all take part in."""
    setups = [Setup(1), Setup(1, matmul="onednn")]
    if has_bf16(torch.device("cpu")):
        setups.append(Setup(1, "bf16"))
    work = {setup: _product(setup) for setup in setups}
    best = dict.fromkeys(setups, math.inf)
    for _ in range(rounds):
        for setup, multiply in work.items():
            best[setup] = min(best[setup], _seconds(multiply, time.process_time))
    return Bench({setup: 2e-9 * _SIZE**3 / taken for setup, taken in best.items()}, cores(), thread_speedup(cores()))


def thread_speedup(threads: int, times: int = 20) -> float:
    """How many times as fast as one so many threads multiply small matrices, by the clock on the wall.

    Below 1 they wait for a processor that computes something else.
    """
    matrix = torch.ones(_SMALL, _SMALL)

    def multiply() -> None:
        for _ in range(times):
            matrix @ matrix

    def taken(count: int) -> float:
        with using(count, "default"):
            return median(_seconds(multiply, time.perf_counter) for _ in range(3))

    return taken(1) / taken(threads)


def _product(setup: Setup) -> Callable[[], None]:
    matrix = torch.ones(_SIZE, _SIZE, dtype=torch.bfloat16 if setup.precision == "bf16" else torch.float32)

    def multiply() -> None:
        with using(setup.threads, setup.matmul):
            matrix @ matrix

    return multiply


def _seconds(run: Callable[[], object], clock: Callable[[], float]) -> float:
    began = clock()
    run()
    return clock() - began
