"""The norms that a run has recorded."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from asrtrain.lab.history import NormHistory
from asrtrain.training import StepRecord


def recorded_norms(steps: Sequence[StepRecord]) -> NormHistory:
    """The norm of every tensor at every step, from the recorded norm of all and each one's share of its square.

    A step that a clipping rule skipped has a norm but no shares: it gets those of the step before, or equal ones.
    """
    names = tuple(dict.fromkeys(name for row in steps for name in row.shares)) or ("all",)
    shares: Mapping[str, float] = dict.fromkeys(names, 1 / len(names))
    rows = []
    for row in steps:
        shares = row.shares or shares
        total = math.nan if row.norm_before is None else row.norm_before
        rows.append([total * math.sqrt(shares.get(name, 0.0)) for name in names])
    return NormHistory.of_steps(names, rows)
