"""ARPA files: the common form in which programs hand on the n-grams that they have estimated."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np

from asrtrain.config.words import shortened
from asrtrain.data.vocabulary import named
from asrtrain.errors import DataError
from asrtrain.files.reading import LARGEST_TEXT, read_text
from asrtrain.language.bigrams import NEVER, Bigrams

_LN10 = math.log(10)
_ZERO = -99.0
_BEGIN, _END, _UNKNOWN = "<s>", "</s>", "<unk>"


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
