"""Intervals hold the truth as often as they say, and none has a width of zero."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from coverage_of_intervals import ERRORS, accuracy, difference, word_errors

from asrtrain.comparison import Comparison, Trial
from asrtrain.evaluation import EvalReport, Outcome
from asrtrain.evaluation.intervals import interval
from asrtrain.evaluation.paired import paired_interval
from asrtrain.types import Hypothesis


def right(count: int, words: str = "one two three") -> list[Outcome]:
    return [Outcome(str(n), "", 1.0, words, Hypothesis(str(n), words, 1.0, ())) for n in range(count)]


def test_four_of_four_are_no_proof_of_a_hundred_per_cent() -> None:
    low, high = interval([1] * 4, [1] * 4)
    assert (round(low, 3), high) == (0.398, 1.0)


@pytest.mark.parametrize(("hits", "trials"), [(0, 1), (1, 1), (0, 300), (299, 300), (7, 20), (500, 1000)])
def test_accuracy_has_the_interval_of_clopper_and_pearson(hits: int, trials: int) -> None:
    known = binomtest(hits, trials).proportion_ci(0.95, "exact")
    own = interval([1] * hits + [0] * (trials - hits), [1] * trials)
    assert own == pytest.approx((known.low, known.high), abs=1e-9)


@pytest.mark.parametrize("utterances", [1, 2, 3, 5, 8, 13, 21, 50, 100, 300])
def test_intervals_of_accuracy_hold_every_share(utterances: int) -> None:
    row = accuracy(utterances)
    assert row.coverage >= 95 - 1e-6
    assert row.least > 0


@pytest.mark.slow
def test_intervals_of_accuracy_hold_every_share_of_a_thousand() -> None:
    assert accuracy(1000).coverage >= 95 - 1e-6


@pytest.mark.parametrize("utterances", [20, 50, 200])
@pytest.mark.parametrize("kind", ["single, 0.2 %", "single, 50 %", "clustered 0.3, 5 %", "garbled 5 %, 2 %"])
def test_intervals_of_word_errors_hold_the_truth(kind: str, utterances: int) -> None:
    row = word_errors(utterances, kind, 300)
    assert row.coverage >= 92
    assert row.least > 0


@pytest.mark.slow
@pytest.mark.parametrize("utterances", [20, 50, 200])
@pytest.mark.parametrize("kind", [*ERRORS, "inserted, 10 %"])
def test_intervals_of_word_errors_hold_the_truth_for_long(kind: str, utterances: int) -> None:
    assert word_errors(utterances, kind, 2000, seed=1).coverage >= 92


@pytest.mark.parametrize("utterances", [20, 200])
@pytest.mark.parametrize("seeds", [1, 2, 5])
def test_intervals_of_differences_hold_the_truth(seeds: int, utterances: int) -> None:
    row = difference(utterances, "clustered 0.3, 5 %", seeds, 200)
    assert row.coverage >= 92
    assert row.least > 0


@pytest.mark.slow
@pytest.mark.parametrize("utterances", [20, 50, 200])
@pytest.mark.parametrize("seeds", [1, 2, 3, 5])
@pytest.mark.parametrize("kind", ["single, 5 %", "clustered 0.1, 1 %", "clustered 0.3, 90 %", "garbled 10 %, 5 %"])
def test_intervals_of_differences_hold_the_truth_for_long(kind: str, seeds: int, utterances: int) -> None:
    assert difference(utterances, kind, seeds, 1000, seed=1).coverage >= 92


@pytest.mark.parametrize("errors", [[0] * 30, [9] * 30, [3] * 30, [12] * 30, [0] * 29 + [1]])
def test_no_word_errors_and_nothing_else_have_an_interval_of_some_width(errors: list[int]) -> None:
    low, high = interval(errors, [9] * 30)
    assert low < high
    assert low <= sum(errors) / 270 <= high
    assert interval(errors[:5], [9] * 5)[1] - interval(errors[:5], [9] * 5)[0] > high - low


@pytest.mark.parametrize("shape", [(1, 30), (3, 30), (3, 2), (3, 1)])
def test_two_sides_without_a_difference_have_an_interval_of_some_width(shape: tuple[int, int]) -> None:
    same = np.zeros(shape)
    for sides in ((same, same), (same, same + 1), (same + 1, same + 1)):
        low, high = paired_interval(*sides, np.ones(shape[1]))
        assert -1 <= low < high <= 1


def test_an_interval_of_few_utterances_is_said_to_be_rough() -> None:
    few, enough = (EvalReport("transcription", "test", right(count), 1.0) for count in (19, 20))
    assert few.to_text().splitlines()[0].endswith("to 17.65 (rough: fewer than 20 utterances)")
    assert "rough" not in enough.to_text()
    assert (few.to_json()["interval_rough"], enough.to_json()["interval_rough"]) == (True, False)
    assert "rough" not in EvalReport("classification", "test", right(4), 1.0).to_text()  # theirs is exact


def test_a_difference_of_few_utterances_is_said_to_be_rough() -> None:
    sides = {name: [Trial(name, 0, [0] * 5, [1] * 5, "", None, 1, None, 0.0, 0, 0, 1.0)] for name in ("none", "norm")}
    assert "points, rough: fewer than 20 utterances)" in Comparison(sides, "accuracy").to_text()
