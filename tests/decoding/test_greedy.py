"""Greedy decoding against a frame-by-frame reading, and what it says about time and confidence."""

from __future__ import annotations

import itertools

import pytest
import torch

from asrtrain.decoding import CTCGreedy, Decoder, GreedyClasses, build_decoder
from asrtrain.decoding.ctc_greedy import collapse
from asrtrain.types import Hypothesis, Scores

CHARACTERS = ("<blank>", " ", "a", "b")


def path_scores(path: list[int], symbols: int, probability: float = 0.9) -> torch.Tensor:
    """Logits (1, T, V) whose best path is ``path`` with this probability in every frame."""
    rest = (1 - probability) / (symbols - 1)
    table = torch.full((1, len(path), symbols), rest)
    table[0, range(len(path)), path] = probability
    return table.log()


def read(decoder: Decoder, path: list[int], symbols: int) -> Hypothesis:
    (hypothesis,) = decoder(("u",), Scores(path_scores(path, symbols), torch.tensor([len(path)])), 0.02)
    return hypothesis


def test_the_best_class_with_its_probability_over_the_whole_recording() -> None:
    scores = Scores(torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]]).log(), torch.tensor([50, 10]))
    first, second = GreedyClasses(("no", "yes", "never"))(("x", "y"), scores, 0.01)
    assert (first.id, first.text, second.text) == ("x", "yes", "no")
    assert first.confidence == pytest.approx(0.7)
    (word,) = first.words
    assert (word.text, word.start, word.end) == ("yes", 0.0, pytest.approx(0.5))
    assert word.confidence == first.confidence


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


def test_characters_become_words_in_their_places() -> None:
    hypothesis = read(CTCGreedy(CHARACTERS, "char"), [0, 2, 2, 0, 2, 1, 1, 3, 0], len(CHARACTERS))
    assert hypothesis.text == "aa b"
    first, second = hypothesis.words
    assert (first.text, first.start, first.end) == ("aa", pytest.approx(0.02), pytest.approx(0.10))
    assert (second.text, second.start, second.end) == ("b", pytest.approx(0.14), pytest.approx(0.16))
    assert hypothesis.confidence == pytest.approx(0.9)
    assert second.confidence == pytest.approx(0.9)


def test_spaces_at_the_ends_or_in_a_row_make_no_empty_words() -> None:
    assert read(CTCGreedy(CHARACTERS, "char"), [1, 2, 1, 0, 1, 3, 1], 4).text == "a b"


def test_word_units_are_joined_by_spaces() -> None:
    hypothesis = read(CTCGreedy(("<blank>", "one", "two"), "word"), [1, 0, 1, 2, 2], 3)
    assert hypothesis.text == "one one two"
    assert [word.start for word in hypothesis.words] == pytest.approx([0.0, 0.04, 0.06])


def test_a_confidence_is_the_geometric_mean_of_its_frames() -> None:
    logits = torch.cat([path_scores([2], 4, 0.9), path_scores([2], 4, 0.4), path_scores([0], 4, 0.5)], dim=1)
    (hypothesis,) = CTCGreedy(CHARACTERS, "char")(("u",), Scores(logits, torch.tensor([3])), 0.01)
    assert hypothesis.words[0].confidence == pytest.approx((0.9 * 0.4) ** 0.5)
    assert hypothesis.confidence == pytest.approx((0.9 * 0.4 * 0.5) ** (1 / 3))


def test_frames_beyond_the_length_are_not_read() -> None:
    scores = Scores(path_scores([2, 3, 2], 4), torch.tensor([1]))
    (hypothesis,) = CTCGreedy(CHARACTERS, "char")(("u",), scores, 0.01)
    assert hypothesis.text == "a"


@pytest.mark.parametrize("frames", [0, 3])
def test_silence_is_the_empty_text(frames: int) -> None:
    hypothesis = read(CTCGreedy(CHARACTERS, "char"), [0] * frames, 4)
    assert (hypothesis.text, hypothesis.words) == ("", ())
    assert hypothesis.confidence == pytest.approx(0.9 if frames else 0.0)


def test_half_precision_scores_can_be_read() -> None:
    scores = Scores(path_scores([2, 0], 4).bfloat16().requires_grad_(), torch.tensor([2]))
    assert CTCGreedy(CHARACTERS, "char")(("u",), scores, 0.01)[0].text == "a"


def test_the_unit_chooses_the_decoder() -> None:
    assert isinstance(build_decoder(("yes", "no"), "label"), GreedyClasses)
    assert isinstance(build_decoder(CHARACTERS, "char"), CTCGreedy)
    with pytest.raises(ValueError, match="syllable"):
        build_decoder(CHARACTERS, "syllable")
