"""Which setup to take: whatever is measurably faster, and whose loss and gradient stay what they were."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

from asrtrain.performance.machine import thread_speedup
from asrtrain.performance.setup import Setup, cores, has_bf16
from asrtrain.performance.trial import Difference, Trial

_WORTH_IT = 0.95
"""A setup that takes more than this share of the time of another is not worth being different from it."""
_BF16 = Difference(loss=0.02, cosine=0.98)
_FP32 = Difference(loss=1e-4, cosine=0.9999)
"""How far loss and gradient may be off: what bf16's 8 bits leave of a sound gradient, and what counts as fp32."""


@final
@dataclass(frozen=True, slots=True)
class Choice:
    """The setup that is taken, what a step of it takes in seconds, and why, line by line."""

    setup: Setup
    seconds: float
    reasons: tuple[str, ...]


def choose(trial: Trial, start: Setup, budget: float) -> Choice:
    """Try every lever by itself, then the good ones together, within about ``budget`` seconds."""
    levers, reasons = _levers(trial, start)
    seconds = trial.seconds([start, *levers.values()], budget * 2 / 3)
    shares = {name: seconds[setup] / seconds[start] for name, setup in levers.items()}
    good = [levers[name] for name, share in shares.items() if share < _WORTH_IT]
    for name, share in shares.items():
        reasons.append(f"{name}: {share:.2f} × the time of a step{'' if share < _WORTH_IT else ', not worth it'}")
    if len(good) < 2:
        taken = good[0] if good else start
        return Choice(taken, seconds[taken], tuple(reasons))
    together = _together(start, good)
    again = trial.seconds([*good, together], budget / 3)
    best = min(good, key=lambda setup: again[setup])
    share = again[together] / again[best]
    reasons.append(f"these together: {share:.2f} × the time of the best by itself")
    taken = together if share < _WORTH_IT else best
    return Choice(taken, again[taken], tuple(reasons))


def _levers(trial: Trial, start: Setup) -> tuple[dict[str, Setup], list[str]]:
    """The setups that are worth timing, by what is new about each; and why others are not."""
    levers: dict[str, Setup] = {}
    reasons: list[str] = []

    def add_if_sound(name: str, setup: Setup, limit: Difference) -> None:
        found = trial.difference(start, setup)
        if found.within(limit):
            levers[name] = setup
        else:
            reasons.append(f"{name}: not taken, {found}")

    if start.precision == "fp32" and has_bf16(trial.device):
        add_if_sound("bf16", replace(start, precision="bf16"), _BF16)
    elif start.precision == "fp32":
        reasons.append("bf16: no instructions for it here")
    if start.matmul == "default":
        add_if_sound("products by oneDNN", replace(start, matmul="onednn"), _FP32)
    if trial.device.type == "cpu" and cores() > start.threads:
        if "OMP_NUM_THREADS" in os.environ:
            reasons.append(f"threads: OMP_NUM_THREADS says {start.threads}")
        elif (speedup := thread_speedup(cores())) < 1:
            reasons.append(f"threads: {cores()} multiply matrices {speedup:.2f} × as fast as one: others are computing")
        else:
            levers[f"{cores()} threads"] = replace(start, threads=cores())
    return levers, reasons


def _together(start: Setup, good: Sequence[Setup]) -> Setup:
    changes = {
        name: getattr(setup, name)
        for setup in good
        for name in ("threads", "precision", "matmul")
        if getattr(setup, name) != getattr(start, name)
    }
    return replace(start, **changes)
