"""How sure a rate is: its interval, where utterances are what is drawn at random."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

ROUGH_BELOW = 20
"""Intervals of word errors in fewer utterances are rough, and are told to be so."""

_UNSEEN = 3
"""Utterances that fail as a whole, counted beside those in which errors were found."""

Numbers = npt.NDArray[np.float64]


def interval(numerators: npt.ArrayLike, denominators: npt.ArrayLike, *, level: float = 0.95) -> tuple[float, float]:
    """The interval of Σ numerator / Σ denominator over utterances; its width is never zero.

    numerators and denominators: (n,), errors and reference words of each utterance, or hits and ones.

    Hits have the exact interval of Clopper and Pearson (Biometrika, 1934). Words of one utterance go wrong together,
    so that n words say less than n hits: they have the same interval at the effective number of words of Korn and
    Graubard (Survey Methodology, 1998). ``benchmarks/coverage_of_intervals.py`` measures how often both hold the truth.
    """
    above, below = np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)
    if not below.sum():
        return 0.0, 1.0
    rate = above.sum() / below.sum()
    # A word that is inserted is an error too: the rate may exceed one.
    most = max(1.0, float((above / np.maximum(below, 1)).max()))
    single = bool((below == 1).all() and np.isin(above, (0, 1)).all())
    size = float(len(above)) if single else _effective_words(above, below, most, level)
    low, high = clopper_pearson(rate / most * size, size, level)
    return most * low, most * high


def clopper_pearson(hits: float, trials: float, level: float) -> tuple[float, float]:
    """The interval of a share of which ``hits`` of ``trials`` were found; neither needs to be whole."""
    from scipy.special import betaincinv

    outside = (1 - level) / 2
    misses = max(0.0, trials - hits)
    low = float(betaincinv(hits, misses + 1, outside)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, misses, 1 - outside)) if misses > 1e-9 * trials else 1.0
    return low, high


def _effective_words(above: Numbers, below: Numbers, most: float, level: float) -> float:
    """How many words, each right or wrong by itself, say as much as these utterances do.

    The words divided by the design effect: the variance of the rate, a ratio, by that of single words. Few errors do
    not prove that errors come one by one, so utterances that fail as a whole count beside those with errors. Where no
    utterance has an error, or none has a right word, nothing is known of the effect: utterances count as wholes.
    """
    count, words = len(above), below.sum()
    whole = max(1.0, float((below**2).sum() / words))  # the design effect of utterances that fail as a whole
    mixed = min(int((above > 0).sum()), int((above < most * below).sum()))
    if count < 2 or not mixed:
        return float(words / whole)
    share = above.sum() / words / most
    residuals = (above - share * most * below) / most
    variance = float((residuals**2).sum()) * count / (count - 1)
    found = max(1.0, variance / float(words * share * (1 - share)))
    effect = (mixed * found + _UNSEEN * whole) / (mixed + _UNSEEN)
    return float(words / (effect * _spread_of_few(count, level)))


def _spread_of_few(count: int, level: float) -> float:
    """By how much the variance of so few utterances has to be taken larger: Student's quantile by the normal one."""
    from scipy.special import ndtri, stdtrit

    return float((stdtrit(count - 1, (1 + level) / 2) / ndtri((1 + level) / 2)) ** 2)
