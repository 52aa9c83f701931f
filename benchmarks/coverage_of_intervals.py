"""How often 95 % intervals hold the truth, and how wide they are: by enumeration for accuracy, by simulation else.

Prints a table: what is estimated, of how many utterances, how words go wrong, the share of intervals that hold the
truth (per cent), and their mean and least width (points). Accuracy is enumerated over all shares, and its lowest
coverage is told. Utterances are of uneven length (geometric, eight words in the mean). Their errors are single (every
word by itself), clustered (the rate differs from utterance to utterance by a beta distribution), garbled (a few
utterances lose four words of five) or inserted (words nobody said, in bursts).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import final

import numpy as np
import numpy.typing as npt
from command_line import options_of
from scipy.special import gammaln, xlogy

from asrtrain.evaluation.intervals import clopper_pearson, interval
from asrtrain.evaluation.paired import paired_interval

Numbers = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, Numbers], Numbers]
"""From lengths in words (n,) to the rate of errors a word in each utterance (n,)."""

WORDS = 8
GARBLED = 0.8


@final
@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table; coverage in per cent, widths in points."""

    figure: str
    utterances: int
    errors: str
    coverage: float
    width: float
    least: float


def single(rate: float) -> Draw:
    return lambda generator, words: np.full(len(words), rate)


def clustered(rate: float, alike: float) -> Draw:
    """``alike`` is the correlation of the errors of two words of an utterance."""
    strength = 1 / alike - 1
    return lambda generator, words: generator.beta(rate * strength, (1 - rate) * strength, len(words))


def garbled(share: float, rate: float) -> Draw:
    return lambda generator, words: np.where(generator.random(len(words)) < share, GARBLED, rate)


ERRORS: dict[str, tuple[Draw, float]] = {
    "single, 0.2 %": (single(0.002), 0.002),
    "single, 5 %": (single(0.05), 0.05),
    "single, 50 %": (single(0.5), 0.5),
    "clustered 0.1, 1 %": (clustered(0.01, 0.1), 0.01),
    "clustered 0.1, 10 %": (clustered(0.1, 0.1), 0.1),
    "clustered 0.3, 5 %": (clustered(0.05, 0.3), 0.05),
    "clustered 0.3, 90 %": (clustered(0.9, 0.3), 0.9),
    "garbled 5 %, 2 %": (garbled(0.05, 0.02), 0.05 * GARBLED + 0.95 * 0.02),
    "garbled 10 %, 5 %": (garbled(0.1, 0.05), 0.1 * GARBLED + 0.9 * 0.05),
}


def accuracy(utterances: int) -> Row:
    """The lowest coverage over all shares, enumerated: the probability of every number of hits is known."""
    hits = np.arange(utterances + 1)
    ends = np.array([clopper_pearson(float(hit), float(utterances), 0.95) for hit in hits])
    ways = gammaln(utterances + 1) - gammaln(hits + 1) - gammaln(utterances - hits + 1)
    # Coverage jumps at the ends of the intervals, so its lowest values are right beside them.
    beside = np.concatenate([ends.ravel() - 1e-9, ends.ravel() + 1e-9, np.linspace(0, 1, 101)])
    shares = np.unique(beside[(beside >= 0) & (beside <= 1)])
    lowest = min(_covered(float(share), hits, ends, ways) for share in shares)
    widths = ends[:, 1] - ends[:, 0]
    return Row("accuracy", utterances, "any share", 100 * lowest, 100 * float(widths.mean()), 100 * float(widths.min()))


def _covered(share: float, hits: npt.NDArray[np.int64], ends: Numbers, ways: Numbers) -> float:
    chances = np.exp(ways + xlogy(hits, share) + xlogy(len(hits) - 1 - hits, 1 - share))
    return float(chances[(ends[:, 0] <= share) & (share <= ends[:, 1])].sum())


def word_errors(utterances: int, kind: str, trials: int, seed: int = 0) -> Row:
    """Word error rates; ``inserted`` adds insertions to single errors."""
    generator = np.random.default_rng(seed)
    inserts = kind.startswith("inserted")
    draw, truth = (single(0.05), 0.1) if inserts else ERRORS[kind]
    ends = []
    for _ in range(trials):
        words = generator.geometric(1 / WORDS, utterances)
        errors = generator.binomial(words, draw(generator, words.astype(np.float64)))
        if inserts:
            errors = errors + generator.negative_binomial(0.5, 0.5 / (0.5 + 0.05 * words))
        ends.append(interval(errors, words))
    return _row("WER", utterances, kind, np.array(ends), truth)


def difference(utterances: int, kind: str, seeds: int, trials: int, seed: int = 0) -> Row:
    """Differences of two that are equally good: the same utterances are hard for both; seeds differ by a tenth."""
    generator = np.random.default_rng(seed)
    draw, _ = ERRORS[kind]
    ends = []
    for _ in range(trials):
        words = generator.geometric(1 / WORDS, utterances)
        rates = draw(generator, words.astype(np.float64))
        better = generator.lognormal(0.0, 0.1 if seeds > 1 else 0.0, (2, seeds, 1))
        ours, theirs = generator.binomial(words, np.minimum(1.0, rates * better)).astype(np.float64)
        ends.append(paired_interval(ours, theirs, words.astype(np.float64)))
    return _row(f"difference, {seeds} seeds", utterances, kind, np.array(ends), 0.0)


def _row(figure: str, utterances: int, kind: str, ends: Numbers, truth: float) -> Row:
    held = (ends[:, 0] <= truth) & (truth <= ends[:, 1])
    widths = ends[:, 1] - ends[:, 0]
    shares = (float(held.mean()), float(widths.mean()), float(widths.min()))
    return Row(figure, utterances, kind, *(100 * share for share in shares))


def rows(trials: int) -> Iterator[Row]:
    """The whole table."""
    for utterances in (1, 2, 4, 10, 30, 100, 300, 1000):
        yield accuracy(utterances)
    for utterances in (10, 20, 50, 200):
        for kind in (*ERRORS, "inserted, 10 %"):
            yield word_errors(utterances, kind, trials)
    for utterances in (20, 50, 200):
        for seeds in (1, 2, 5):
            for kind in ("single, 5 %", "clustered 0.3, 5 %", "garbled 5 %, 2 %"):
                yield difference(utterances, kind, seeds, trials)


def main() -> None:
    options = options_of(__doc__, "200 simulations of each kind in place of 2000").parse_args()
    found = rows(200 if options.quick else 2000)
    if options.format == "json":
        print(json.dumps([asdict(row) for row in found]))
        return
    print(f"{'figure':20} {'utterances':>10}  {'errors':20} {'coverage':>8} {'width':>7} {'least':>7}")
    for row in found:
        widths = f"{row.width:7.2f} {row.least:7.2f}"
        print(f"{row.figure:20} {row.utterances:10}  {row.errors:20} {row.coverage:8.1f} {widths}", flush=True)


if __name__ == "__main__":
    main()
