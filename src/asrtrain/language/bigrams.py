"""Bigrams: how probable each word is after each other, and their estimation from transcripts.

A bigram that was not seen has the probability that its second word has by itself, times the first's back-off weight.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import final

import numpy as np
import numpy.typing as npt

NEVER = -1e30
"""The logarithm of 0: finite, as in state graphs."""

_DISCOUNTS = (0.1, 0.9)


@final
@dataclass(frozen=True, slots=True)
class Bigrams:
    """Natural logarithms over V words, numbered. V itself is the sentence's end where a word follows, and its beginning
    where one went before.

    ``unigrams`` (V + 1) are probabilities, ``backoffs`` (V + 1) weights; ``pairs`` (P, 2), in ascending order, are the
    bigrams seen, the earlier word first, and ``logs`` (P,) their probabilities.
    """

    unigrams: npt.NDArray[np.float64]
    backoffs: npt.NDArray[np.float64]
    pairs: npt.NDArray[np.int64]
    logs: npt.NDArray[np.float64]


def estimate(sentences: Iterable[Sequence[int]], words: int) -> Bigrams:
    """Interpolated Kneser-Ney (Kneser and Ney, 1995; Chen and Goodman, 1998, eq. 26) over ``words`` words:

        p(w | h) = (c(hw) − D) / c(h) + D·N(h·) / c(h) · p(w)
        p(w) = (N(·w) − D₁) / N(··) + D₁·N / N(··) / (words + 1)

    where c counts, N(h·) is the number of different words after h, N(·w) that of different words before w, N that of
    words seen at all. The last term leaves something for words that no sentence has. A discount is n₁ / (n₁ + 2·n₂), of
    the numbers of counts that are 1 and 2, but not less than 0.1 nor more than 0.9, where these are few.
    """
    counts = Counter(_steps(sentences, words))
    followed, before = Counter[int](), Counter[int]()
    for (first, second), count in counts.items():
        followed[first] += count
        before[second] += 1
    different = Counter(first for first, _ in counts)
    low, high = _discount(before.values()), _discount(counts.values())
    unigrams = np.full(words + 1, low * len(before) / max(1, len(counts)) / (words + 1))
    if not counts:
        unigrams += 1 / (words + 1)
    for word, contexts in before.items():
        unigrams[word] += (contexts - low) / len(counts)
    backoffs = np.ones(words + 1)
    for word, count in followed.items():
        backoffs[word] = high * different[word] / count
    pairs = np.array(sorted(counts), np.int64).reshape(-1, 2)
    earlier, later = pairs.T
    seen = np.array([(counts[a, b] - high) / followed[a] for a, b in pairs.tolist()])
    return Bigrams(np.log(unigrams), np.log(backoffs), pairs, np.log(seen + backoffs[earlier] * unigrams[later]))


def _steps(sentences: Iterable[Sequence[int]], boundary: int) -> Iterator[tuple[int, int]]:
    for sentence in sentences:
        yield from pairwise([boundary, *sentence, boundary])


def _discount(counts: Iterable[int]) -> float:
    how_many = Counter(counts)
    once, twice = how_many[1], how_many[2]
    return min(max(once / max(1, once + 2 * twice), _DISCOUNTS[0]), _DISCOUNTS[1])
