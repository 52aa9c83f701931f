"""What surrounds the passes: batches of one word, and the search's two numbers chosen by the development part."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from asrtrain.batching.grouped import GroupedSampler
from asrtrain.data.vocabulary import BLANK, Vocabulary
from asrtrain.encoders import Top
from asrtrain.evaluation import align, count
from asrtrain.hmm.gmm_hmm import GMMHMMConfig, MixturesHead
from asrtrain.hmm.tuning import PENALTIES, Tuning, tune_confidence, tune_search
from asrtrain.types import Frames, Hypothesis, Scores, Targets


def test_batches_are_of_one_group_and_of_like_length() -> None:
    lengths = np.array([3.0, 1.0, 2.0, 9.0, 4.0, 2.5])
    sampler = GroupedSampler(lengths, ["a", "b", "a", "b", "a", "b"], batch_size=2)
    assert sampler.epoch(0) == sampler.epoch(5) == [[2, 0], [4], [1, 5], [3]]


def head(unit: str, words: tuple[str, ...]) -> MixturesHead:
    """Words of a state each, which no Gaussians are asked about: scores are given."""
    symbols = words if unit == "label" else (BLANK, *words)
    config = GMMHMMConfig(states=1, silence_states=1, mixtures=1)
    return config.build(2, Vocabulary(symbols, unit), Top(), stride=1)


def heard(found: MixturesHead, scores: Scores, shift: float = 0.01) -> list[Hypothesis]:
    ids = tuple(map(str, range(len(scores.logits))))
    return found.search()(scores, Frames(ids, torch.zeros(len(ids), 0, 2), scores.lengths, scores.lengths), shift)


def heard_with(found: MixturesHead, scores: Scores, penalty: float) -> str:
    before = found.words.insertion_penalty.clone()
    found.words.insertion_penalty.fill_(penalty)
    (hypothesis,) = heard(found, scores)
    found.words.insertion_penalty.copy_(before)
    return hypothesis.text


def tune_penalty(found: MixturesHead, scores: Scores, said: str) -> None:
    def wrong_words() -> int:
        return sum(count(align(said.split(), one.text.split())).errors for one in heard(found, scores))

    tune_search(found.words, wrong_words, Tuning(penalty=True))


def test_the_penalty_is_the_middle_of_those_with_fewest_errors() -> None:
    """A frame within word a looks like b, by 15 nats: a small penalty hears that b too, a large one hears only a."""
    found = head("word", ("a", "b"))
    emissions = torch.full((1, 30, 3), -100.0)
    emissions[0, :, 1] = 0.0
    emissions[0, 12, 1], emissions[0, 12, 2] = -15.0, 0.0
    emissions[0, 20:, 1], emissions[0, 20:, 2] = -100.0, 0.0
    scores = Scores(emissions, torch.tensor([30]))
    tune_penalty(found, scores, "a b")
    right = [value for value in PENALTIES if heard_with(found, scores, value) == "a b"]
    assert 0 < len(right) < len(PENALTIES)
    assert float(found.words.insertion_penalty) == right[len(right) // 2]
    assert float(found.words.acoustic_scale) == 1.0


def test_a_word_that_sounds_almost_like_silence_is_asked_for_by_a_negative_penalty() -> None:
    """In one frame of twelve a is less probable than silence by 15 nats, and by 100 elsewhere."""
    found = head("word", ("a", "b"))
    emissions = torch.full((1, 12, 3), -100.0)
    emissions[0, :, 0] = 0.0
    emissions[0, 6, 1] = -15.0
    scores = Scores(emissions, torch.tensor([12]))
    assert heard_with(found, scores, 0.0) == ""
    tune_penalty(found, scores, "a")
    assert float(found.words.insertion_penalty) < 0
    assert heard_with(found, scores, float(found.words.insertion_penalty)) == "a"


def test_words_have_their_places_in_time() -> None:
    found = head("word", ("a", "b"))
    emissions = torch.full((2, 10, 3), -50.0)
    for state, frames in [(0, slice(0, 2)), (1, slice(2, 5)), (0, slice(5, 6)), (2, slice(6, 10))]:
        emissions[:, frames, state] = 0.0
    hypotheses = heard(found, Scores(emissions, torch.tensor([10, 5])))
    assert [hypothesis.text for hypothesis in hypotheses] == ["a b", "a"]
    first, second = hypotheses[0].words
    assert (first.start, first.end, second.start, second.end) == pytest.approx((0.02, 0.05, 0.06, 0.1))
    assert first.confidence == pytest.approx(1.0)


def test_confidences_are_right_on_average() -> None:
    """Nine of ten words are right, each by 100 nats: the scale makes that a probability of about 0.9."""
    found = head("label", ("a", "b"))
    targets = Targets(torch.tensor([[0]] * 9 + [[1]]), torch.ones(10, dtype=torch.int64))
    logits = torch.tensor([[0.0, -100.0]]).expand(10, 2)
    tune_confidence(found.words, [(Scores(logits, torch.full((10,), 5)), targets)])
    confidence = 1 / (1 + math.exp(-100 * float(found.words.acoustic_scale)))
    assert 0.8 < confidence < 0.97
