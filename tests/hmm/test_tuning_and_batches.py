"""What surrounds the passes: batches of one word, and the search's two numbers chosen by the development part."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from asrtrain.batching.grouped import GroupedSampler
from asrtrain.data.vocabulary import BLANK, Vocabulary
from asrtrain.evaluation.tuning import PENALTIES, tune_confidence, tune_search
from asrtrain.hmm.gmm_hmm import GMMHMM, GMMHMMConfig
from asrtrain.types import Batch, Scores


def test_batches_are_of_one_group_and_of_like_length() -> None:
    lengths = np.array([3.0, 1.0, 2.0, 9.0, 4.0, 2.5])
    sampler = GroupedSampler(lengths, ["a", "b", "a", "b", "a", "b"], batch_size=2)
    assert sampler.epoch(0) == sampler.epoch(5) == [[2, 0], [4], [1, 5], [3]]


def model(unit: str, words: tuple[str, ...]) -> GMMHMM:
    """Words of a state each, which no Gaussians are asked about: scores are given."""
    symbols = words if unit == "label" else (BLANK, *words)
    config = GMMHMMConfig(states=1, silence_states=1, mixtures=1)
    return config.build(2, Vocabulary(symbols, unit))


def batch(targets: torch.Tensor, frames: int) -> Batch:
    count = len(targets)
    ids = tuple(map(str, range(count)))
    lengths = torch.full((count,), frames)
    return Batch(ids, torch.zeros(count, frames, 2), lengths, targets, torch.ones(count, dtype=torch.int64))


def test_the_penalty_is_the_middle_of_those_with_fewest_errors() -> None:
    """A frame within word a looks like b, by 15 nats: a small penalty hears that b too, a large one hears only a."""
    found = model("word", ("a", "b"))
    emissions = torch.full((1, 30, 3), -100.0)
    emissions[0, :, 1] = 0.0
    emissions[0, 12, 1], emissions[0, 12, 2] = -15.0, 0.0
    emissions[0, 20:, 1], emissions[0, 20:, 2] = -100.0, 0.0
    scored = [(batch(torch.tensor([[1, 2]]), 30), Scores(emissions, torch.tensor([30])))]
    tune_search(found, found.decoder(), scored, {"0": "a b"}, scale=False, penalty=True)
    right = [value for value in PENALTIES if heard(found, scored, value) == "a b"]
    assert 0 < len(right) < len(PENALTIES)
    assert float(found.words.insertion_penalty) == right[len(right) // 2]
    assert float(found.words.acoustic_scale) == 1.0


def test_a_word_that_sounds_almost_like_silence_is_asked_for_by_a_negative_penalty() -> None:
    """In one frame of twelve a is less probable than silence by 15 nats, and by 100 elsewhere."""
    found = model("word", ("a", "b"))
    emissions = torch.full((1, 12, 3), -100.0)
    emissions[0, :, 0] = 0.0
    emissions[0, 6, 1] = -15.0
    scored = [(batch(torch.tensor([[1]]), 12), Scores(emissions, torch.tensor([12])))]
    assert heard(found, scored, 0.0) == ""
    tune_search(found, found.decoder(), scored, {"0": "a"}, scale=False, penalty=True)
    assert float(found.words.insertion_penalty) < 0
    assert heard(found, scored, float(found.words.insertion_penalty)) == "a"


def heard(found: GMMHMM, scored: list[tuple[Batch, Scores]], penalty: float) -> str:
    before = found.words.insertion_penalty.clone()
    found.words.insertion_penalty.fill_(penalty)
    (hypothesis,) = found.decoder()(("0",), scored[0][1], 0.01)
    found.words.insertion_penalty.copy_(before)
    return hypothesis.text


def test_words_have_their_places_in_time() -> None:
    found = model("word", ("a", "b"))
    emissions = torch.full((2, 10, 3), -50.0)
    for state, frames in [(0, slice(0, 2)), (1, slice(2, 5)), (0, slice(5, 6)), (2, slice(6, 10))]:
        emissions[:, frames, state] = 0.0
    hypotheses = found.decoder()(("x", "y"), Scores(emissions, torch.tensor([10, 5])), 0.01)
    assert [hypothesis.text for hypothesis in hypotheses] == ["a b", "a"]
    first, second = hypotheses[0].words
    assert (first.start, first.end, second.start, second.end) == pytest.approx((0.02, 0.05, 0.06, 0.1))
    assert first.confidence == pytest.approx(1.0)


def test_confidences_are_right_on_average() -> None:
    """Nine of ten words are right, each by 100 nats: the scale makes that a probability of about 0.9."""
    found = model("label", ("a", "b"))
    targets = torch.tensor([0] * 9 + [1])
    logits = torch.tensor([[0.0, -100.0]]).expand(10, 2)
    tune_confidence(found, [(batch(targets, 5), Scores(logits, torch.full((10,), 5)))])
    confidence = 1 / (1 + math.exp(-100 * float(found.words.acoustic_scale)))
    assert 0.8 < confidence < 0.97
