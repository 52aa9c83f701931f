"""How sure a figure is: the percentile bootstrap over utterances (Bisani and Ney, 2004)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

RESAMPLES = 2000


def interval(
    numerators: npt.ArrayLike, denominators: npt.ArrayLike, *, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """The interval of Σ numerator / Σ denominator when utterances are drawn anew, with replacement.

    numerators and denominators: (n,), errors and reference words of each utterance, or hits and ones.
    """
    above, below = np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)
    draws = np.random.default_rng(seed).multinomial(len(above), np.full(len(above), 1 / len(above)), size=RESAMPLES)
    totals = draws @ below
    rates = np.divide(draws @ above, totals, out=np.zeros(RESAMPLES), where=totals > 0)
    low, high = np.quantile(rates, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
