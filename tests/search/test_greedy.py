"""Greedy decoding against a frame-by-frame reading, and what it says about time and confidence."""

from __future__ import annotations

import itertools

import pytest
import torch

from asrtrain.data.vocabulary import BLANK, Vocabulary
from asrtrain.encoders import Top
from asrtrain.heads import HEADS
from asrtrain.search import CTCGreedy, GreedyClasses, Search
from asrtrain.search.ctc_greedy import collapse
from asrtrain.types import Frames, Hypothesis, Scores

CHARACTERS = Vocabulary((BLANK, " ", "a", "b"), "char")


def path_scores(path: list[int], symbols: int, probability: float = 0.9) -> torch.Tensor:
    """Logits (1, T, V) whose best path is ``path`` with this probability in every frame."""
    rest = (1 - probability) / (symbols - 1)
    table = torch.full((1, len(path), symbols), rest)
    table[0, range(len(path)), path] = probability
    return table.log()


def frames_of(scores: Scores, stride: int = 1, covered: list[int] | None = None) -> Frames:
    """The hidden frames that scores are of, which no search looks at."""
    names = tuple("uvw"[: len(scores.logits)])
    within = scores.lengths * stride if covered is None else torch.tensor(covered)
    return Frames(names, torch.zeros(len(names), 0, 1), scores.lengths, within, stride)


def read(search: Search, path: list[int], symbols: int, stride: int = 1) -> Hypothesis:
    scores = Scores(path_scores(path, symbols), torch.tensor([len(path)]))
    (hypothesis,) = search(scores, frames_of(scores, stride), 0.02 / stride)
    return hypothesis


def test_the_best_class_with_its_probability_over_the_whole_recording() -> None:
    scores = Scores(torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]]).log(), torch.tensor([50, 10]))
    first, second = GreedyClasses(("no", "yes", "never"))(scores, frames_of(scores), 0.01)
    assert (first.id, first.text, second.text) == ("u", "yes", "no")
    assert first.confidence == pytest.approx(0.7)
    (word,) = first.words
    assert (word.text, word.start, word.end) == ("yes", 0.0, pytest.approx(0.5))
    assert word.confidence == first.confidence


@pytest.mark.parametrize(("lengths", "stride"), [([13, 3], 4), ([1, 1], 1)])
def test_a_class_ends_with_its_last_feature_frame_whatever_the_encoder_left(lengths: list[int], stride: int) -> None:
    """13 hidden frames of 4 feature frames may be 49 of these, and encoders that know no time leave a single one."""
    scores = Scores(torch.zeros(2, 3), torch.tensor(lengths))
    found = GreedyClasses(("no", "yes", "never"))(scores, frames_of(scores, stride, covered=[49, 10]), 0.01)
    assert [hypothesis.words[0].end for hypothesis in found] == pytest.approx([0.49, 0.1])


def test_collapsing_all_utterances_at_once_equals_reading_them_one_by_one() -> None:
    generator = torch.Generator().manual_seed(0)
    best = torch.randint(0, 3, (60, 12), generator=generator)
    lengths = torch.randint(0, 13, (60,), generator=generator)
    for runs, row, length in zip(collapse(best, lengths), best.tolist(), lengths.tolist(), strict=True):
        place, expected = 0, []
        for symbol, group in itertools.groupby(row[:length]):
            end = place + len(list(group))
            if symbol != 0:
                expected.append((symbol, place, end))
            place = end
        assert [(run.symbol, run.start, run.end) for run in runs] == expected


@pytest.mark.parametrize("stride", [1, 4])
def test_characters_become_words_in_their_places(stride: int) -> None:
    hypothesis = read(CTCGreedy(CHARACTERS), [0, 2, 2, 0, 2, 1, 1, 3, 0], len(CHARACTERS), stride)
    assert hypothesis.text == "aa b"
    first, second = hypothesis.words
    assert (first.text, first.start, first.end) == ("aa", pytest.approx(0.02), pytest.approx(0.10))
    assert (second.text, second.start, second.end) == ("b", pytest.approx(0.14), pytest.approx(0.16))
    assert hypothesis.confidence == pytest.approx(0.9)
    assert second.confidence == pytest.approx(0.9)


def test_spaces_at_the_ends_or_in_a_row_make_no_empty_words() -> None:
    assert read(CTCGreedy(CHARACTERS), [1, 2, 1, 0, 1, 3, 1], 4).text == "a b"


def test_word_units_are_joined_by_spaces() -> None:
    hypothesis = read(CTCGreedy(Vocabulary((BLANK, "one", "two"), "word")), [1, 0, 1, 2, 2], 3)
    assert hypothesis.text == "one one two"
    assert [word.start for word in hypothesis.words] == pytest.approx([0.0, 0.04, 0.06])


def test_a_confidence_is_the_geometric_mean_of_its_frames() -> None:
    logits = torch.cat([path_scores([2], 4, 0.9), path_scores([2], 4, 0.4), path_scores([0], 4, 0.5)], dim=1)
    scores = Scores(logits, torch.tensor([3]))
    (hypothesis,) = CTCGreedy(CHARACTERS)(scores, frames_of(scores), 0.01)
    assert hypothesis.words[0].confidence == pytest.approx((0.9 * 0.4) ** 0.5)
    assert hypothesis.confidence == pytest.approx((0.9 * 0.4 * 0.5) ** (1 / 3))


def test_frames_beyond_the_length_are_not_read() -> None:
    scores = Scores(path_scores([2, 3, 2], 4), torch.tensor([1]))
    (hypothesis,) = CTCGreedy(CHARACTERS)(scores, frames_of(scores), 0.01)
    assert hypothesis.text == "a"


@pytest.mark.parametrize("frames", [0, 3])
def test_silence_is_the_empty_text(frames: int) -> None:
    hypothesis = read(CTCGreedy(CHARACTERS), [0] * frames, 4)
    assert (hypothesis.text, hypothesis.words) == ("", ())
    assert hypothesis.confidence == pytest.approx(0.9 if frames else 0.0)


def test_half_precision_scores_can_be_read() -> None:
    scores = Scores(path_scores([2, 0], 4).bfloat16().requires_grad_(), torch.tensor([2]))
    assert CTCGreedy(CHARACTERS)(scores, frames_of(scores), 0.01)[0].text == "a"


@pytest.mark.parametrize(
    ("head", "kind"), [("cross_entropy", GreedyClasses), ("mae", GreedyClasses), ("ctc", CTCGreedy)]
)
def test_each_head_has_the_search_that_reads_it(head: str, kind: type[Search]) -> None:
    tokens = CHARACTERS if kind is CTCGreedy else Vocabulary(("no", "yes"), "label")
    assert isinstance(HEADS[head]().build(3, tokens, Top("mean"), stride=1).search(), kind)
