"""Searching label by label: exact where all strings can be tried, bounded where attention has lost its place."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from tests.recognisers import recogniser

from asrtrain.data.vocabulary import BLANK, Vocabulary
from asrtrain.errors import UsageError
from asrtrain.search import LabelScorer, LabelSearch
from asrtrain.search.labels import REPEATS
from asrtrain.types import Frames

TOKENS = Vocabulary((BLANK, " ", "a", "b"), "char")


class Table(LabelScorer):
    """Probabilities that depend on the label before and on how many there are: (B, L, V, V).

    The n-th label comes from frame n, or from frame n modulo ``circle``.
    """

    end = 0

    def __init__(self, logs: torch.Tensor, circle: int = 1000) -> None:
        self.logs, self.circle = logs, circle

    def begin(self, rows: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (torch.zeros(len(rows), dtype=torch.int64),)

    def step(
        self, rows: torch.Tensor, labels: torch.Tensor | None, state: tuple[torch.Tensor, ...]
    ) -> tuple[torch.Tensor, torch.Tensor, tuple[torch.Tensor, ...]]:
        before = torch.zeros_like(rows) if labels is None else labels
        (count,) = state
        return self.logs[rows, count, before], count % self.circle, (count + 1,)


def frames(lengths: list[int], stride: int = 1) -> Frames:
    ids = tuple(map(str, range(len(lengths))))
    counts = torch.tensor(lengths)
    return Frames(ids, torch.zeros(len(lengths), max(lengths), 2), counts, stride * counts, stride)


def by_trying_all(logs: torch.Tensor, length: int) -> tuple[tuple[int, ...], float]:
    """The string of the best mean, its end included, of all that there are."""
    best: tuple[tuple[int, ...], float] = ((), -math.inf)
    for size in range(length + 1):
        for string in itertools.product((1, 2, 3), repeat=size):
            path = (0, *string)
            steps = [float(logs[at, path[at], label]) for at, label in enumerate((*string, 0))]
            mean = sum(steps) / len(steps)
            best = (string, mean) if mean > best[1] else best
    return best


@pytest.mark.parametrize("seed", range(8))
def test_a_wide_search_finds_the_best_of_all_strings(seed: int) -> None:
    logs = torch.randn(2, 6, 4, 4, generator=torch.Generator().manual_seed(seed)).mul(2).log_softmax(3)
    found = LabelSearch(TOKENS, width=300)(Table(logs), frames([4, 3]), 0.01)
    for row, length in enumerate([4, 3]):
        string, mean = by_trying_all(logs[row], length)
        assert found[row].text == " ".join(TOKENS.decode(string).split())
        assert found[row].confidence == pytest.approx(math.exp(mean))


@pytest.mark.parametrize("width", [1, 3])
def test_words_have_their_times_and_confidences(width: int) -> None:
    said = [2, 3, 1, 3, 0]  # "ab b"
    logs = torch.full((1, 6, 4, 4), -20.0)
    for at, label in enumerate(said):
        logs[0, at, :, label] = math.log(0.5 + 0.1 * at)
    (found,) = LabelSearch(TOKENS, width)(Table(logs), frames([6], stride=4), 0.01)
    assert found.text == "ab b"
    assert [(word.text, round(word.start, 6), round(word.end, 6)) for word in found.words] == [
        ("ab", 0.0, 0.08),
        ("b", 0.12, 0.16),
    ]
    assert found.words[0].confidence == pytest.approx(math.sqrt(0.5 * 0.6))
    assert found.words[1].confidence == pytest.approx(0.8)


@pytest.mark.parametrize("width", [1, 4])
@pytest.mark.parametrize("circle", [(2,), (2, 3)])
def test_what_goes_in_circles_or_never_ends_is_ended(width: int, circle: tuple[int, ...]) -> None:
    logs = torch.full((1, 100, 4, 4), -20.0)
    logs[..., 0] = -8.0
    for at in range(100):
        logs[0, at, :, circle[at % len(circle)]] = -1e-3
    stuck = Table(logs, len(circle))
    (found,) = LabelSearch(TOKENS, width)(stuck, frames([90]), 0.01)
    assert len(found.text) <= REPEATS * len(circle)
    (short,) = LabelSearch(TOKENS, width)(stuck, frames([2]), 0.01)
    assert len(short.text) <= 2


@pytest.mark.parametrize("width", [1, 4])
@pytest.mark.parametrize("text", ["aaaaaaa", "ab ab ab ab ab"])
def test_what_is_said_again_and_again_is_heard_so_often(width: int, text: str) -> None:
    logs = torch.full((1, len(text) + 1, 4, 4), -20.0)
    for at, label in enumerate([*TOKENS.encode(text), 0]):
        logs[0, at, :, label] = -1e-3
    (found,) = LabelSearch(TOKENS, width)(Table(logs), frames([20]), 0.01)
    assert found.text == text


def test_one_utterance_is_searched_as_it_is_in_a_batch() -> None:
    logs = torch.randn(3, 8, 4, 4, generator=torch.Generator().manual_seed(1)).log_softmax(3)
    search = LabelSearch(TOKENS, 3)
    together = search(Table(logs), frames([7, 3, 5]), 0.01)
    for row, length in enumerate([7, 3, 5]):
        (alone,) = search(Table(logs[row : row + 1]), frames([length]), 0.01)
        assert (alone.text, alone.confidence) == (together[row].text, together[row].confidence)


def test_rules_inside_recurrences_refuse_those_that_go_step_by_step() -> None:
    from asrtrain.clipping.parts.inside import recurrent_modules

    model = recogniser("lstm", 4)
    assert recurrent_modules(model, "recurrent_clip")
    model.head.cell = torch.nn.LSTMCell(2, 2)
    with pytest.raises(UsageError, match=r"and heads\.cross_entropy\.cell goes step by step: remove the rule"):
        recurrent_modules(model, "recurrent_clip")
