"""Bigrams: how probable each word is after each other, estimated from transcripts or read from an ARPA file.

A bigram that was not seen has the probability that its second word has by itself, times the first's back-off weight.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import final

import numpy as np
import numpy.typing as npt

from asrtrain.config.words import shortened
from asrtrain.data.vocabulary import named
from asrtrain.errors import DataError
from asrtrain.files.reading import LARGEST_TEXT, read_text

NEVER = -1e30
"""The logarithm of 0: finite, as in state graphs."""

_LN10 = math.log(10)
_ZERO = -99.0
_DISCOUNTS = (0.1, 0.9)
_BEGIN, _END, _UNKNOWN = "<s>", "</s>", "<unk>"


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


def read_arpa(path: Path, words: Sequence[str]) -> Bigrams:
    """The 1- and 2-grams of an ARPA file for these words; what it says of others is left out.

    A word that the file lacks has the probability of ``<unk>``. Raises DataError naming the line that does not fit, and
    for words that are missing where ``<unk>`` is too, or never comes.
    """
    numbers = {word: number for number, word in enumerate(words)}
    unigrams, backoffs = np.full(len(words) + 1, np.nan), np.zeros(len(words) + 1)
    pairs: dict[tuple[int, int], float] = {}
    unknown = NEVER
    for entry in _entries(path):
        if entry.words == (_UNKNOWN,):
            unknown = entry.log
        if len(entry.words) == 1:
            (word,) = entry.words
            if word in numbers or word == _END:
                unigrams[numbers.get(word, len(words))] = entry.log
            if word in numbers or word == _BEGIN:
                backoffs[numbers.get(word, len(words))] = entry.backoff
        else:
            first, second = entry.words
            before = len(words) if first == _BEGIN else numbers.get(first)
            after = len(words) if second == _END else numbers.get(second)
            if before is not None and after is not None:
                pairs[before, after] = entry.log
    if np.isnan(unigrams[-1]):
        raise DataError(f"{path} has no 1-gram {_END}, so that no sentence would end")
    missing = [word for word, log in zip(words, unigrams[:-1], strict=True) if math.isnan(log)]
    if missing and unknown == NEVER:
        raise DataError(
            f"{path} lacks {len(missing)} word(s) of the training data and has no {_UNKNOWN} of any probability: "
            f"{named(missing)}; estimate it with them"
        )
    unigrams[np.isnan(unigrams)] = unknown
    order = sorted(pairs)
    return Bigrams(
        unigrams, backoffs, np.array(order, np.int64).reshape(-1, 2), np.array([pairs[pair] for pair in order])
    )


@final
@dataclass(frozen=True, slots=True)
class _Entry:
    """A line of an ARPA file, its base-10 logarithms made natural ones."""

    words: tuple[str, ...]
    log: float
    backoff: float


def _entries(path: Path) -> Iterator[_Entry]:
    lines = read_text(path, LARGEST_TEXT, DataError).splitlines()
    order = 0
    for number, line in enumerate(map(str.strip, lines), start=1):
        section = re.fullmatch(r"\\(\d+)-grams:", line)
        if section:
            if section[1] not in ("1", "2"):
                raise DataError(
                    f"{path}:{number}: the search uses bigrams, and this file has {shortened(section[1])}-grams: "
                    "estimate it with order 2"
                )
            order = int(section[1])
        elif line == "\\end\\":
            return
        elif order and line:
            yield _entry(path, number, line.split(), order)
    raise DataError(f"{path} is no whole ARPA file: it has no line \\end\\")


def _entry(path: Path, number: int, fields: list[str], order: int) -> _Entry:
    try:
        log, words, backoff = float(fields[0]), fields[1 : order + 1], [float(field) for field in fields[order + 1 :]]
        if len(words) < order or len(backoff) > 1 or not log <= 0 or not sum(backoff) < math.inf:
            raise ValueError
    except ValueError:
        raise DataError(
            f"{path}:{number}: expected a logarithm to base 10, {order} word(s) and perhaps a back-off weight; "
            f"found {shortened(' '.join(fields))!r}"
        ) from None
    return _Entry(tuple(words), _natural(log), _natural(sum(backoff)))


def _natural(log: float) -> float:
    """From base 10. The designated value for log 0 is −99 (SRILM's ngram-format(5)); some programs write −inf."""
    return NEVER if log <= _ZERO else log * _LN10
