"""How sure a difference is, when both sides were trained with the same seeds and scored on the same utterances."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

RESAMPLES = 4000
Errors = npt.NDArray[np.float64]


def paired_interval(
    ours: Errors, theirs: Errors, totals: Errors, *, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """The interval of the difference of error rates, ours - theirs, seeds and utterances both drawn anew.

    ours, theirs (S, U): errors of S seeds in U utterances; totals (U,): how many were possible. Seeds are drawn with
    replacement, and utterances too, the same for all seeds and both sides (the two-level paired bootstrap). With few
    seeds the interval is somewhat too narrow, as every bootstrap's.
    """
    seeds, utterances = ours.shape
    generator = np.random.default_rng(seed)
    picked_seeds = generator.multinomial(seeds, np.full(seeds, 1 / seeds), size=RESAMPLES) / seeds
    picked = generator.multinomial(utterances, np.full(utterances, 1 / utterances), size=RESAMPLES)
    differences = (picked @ (ours - theirs).T * picked_seeds).sum(axis=1)
    denominators = picked @ totals
    rates = np.divide(differences, denominators, out=np.zeros(RESAMPLES), where=denominators > 0)
    low, high = np.quantile(rates, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
