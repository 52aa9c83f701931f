"""How sure a difference is, when both sides were trained with the same seeds and scored on the same utterances."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Errors = npt.NDArray[np.float64]

_UNSEEN = 2
"""Utterances in which the sides differ, counted beside those that were found."""


def paired_interval(ours: Errors, theirs: Errors, totals: Errors, *, level: float = 0.95) -> tuple[float, float]:
    """The interval of the difference of error rates, ours - theirs; its width is never zero.

    ours, theirs (S, U): errors of S seeds in U utterances; totals (U,): how many were possible. Both the seeds and the
    utterances are taken as drawn at random: the variance of the means over either counts with Student's quantile of its
    own number, and the two are added, which is cautious (Owen, "The pigeonhole bootstrap", 2007). Of one seed, the
    interval is about that seed. Two utterances more differ, one to each side, as in the interval of Bonett and Price
    (Journal of Educational and Behavioral Statistics, 2012), so that two sides of equal errors are not taken for the
    same. ``benchmarks/coverage_of_intervals.py`` measures how often it holds the truth.
    """
    from scipy.special import stdtrit

    difference = ours - theirs
    seeds, utterances = difference.shape
    possible = float(totals.sum())
    most = max(1.0, float((np.maximum(ours, theirs) / np.maximum(totals, 1)).max(initial=0.0)))
    if utterances < 2 or not possible:
        return -most, most
    quantile = (1 + level) / 2
    rate = float(difference.mean(axis=0).sum()) / possible
    square = _variance_over_utterances(difference, totals) * stdtrit(utterances - 1, quantile) ** 2
    if seeds > 1:
        by_seed = difference.sum(axis=1) / possible
        square += by_seed.var(ddof=1) / seeds * stdtrit(seeds - 1, quantile) ** 2
    half = float(np.sqrt(square))
    return max(-most, rate - half), min(most, rate + half)


def _variance_over_utterances(difference: Errors, totals: Errors) -> float:
    """The variance of the rate of differences, a ratio, as if ``_UNSEEN`` utterances more differed.

    They are as large as the typical difference found, in a whole utterance; where none was found, an utterance is
    wrong as a whole on one side.
    """
    means, possible = difference.mean(axis=0), totals.sum()
    residuals = means - means.sum() / possible * totals
    found = np.abs(difference[difference != 0])
    typical = found.mean() if len(found) else totals.mean()
    whole = max(1.0, float((totals**2).sum() / possible))
    squares = (residuals**2).sum() * len(means) / (len(means) - 1) + _UNSEEN * whole * typical
    return float(squares / possible**2)
