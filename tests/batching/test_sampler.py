from __future__ import annotations

import wave
from collections.abc import Iterable
from itertools import zip_longest
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asrtrain.batching import BucketSampler, OrderedSampler, counter_seed
from asrtrain.batching.sampler import padding_efficiency
from asrtrain.data.digit_strings import DigitStringsConfig

LENGTHS = st.lists(st.floats(0.05, 40.0), min_size=1, max_size=200)
MEASURES = st.one_of(
    st.builds(lambda n: {"batch_size": n}, st.integers(1, 50)),
    st.builds(lambda s: {"batch_seconds": s}, st.floats(0.5, 200.0)),
)


def lengths_of(paths: Iterable[Path]) -> npt.NDArray[np.float64]:
    lengths = []
    for path in paths:
        with wave.open(str(path)) as recording:
            lengths.append(recording.getnframes() / recording.getframerate())
    return np.array(lengths)


@pytest.fixture(scope="module")
def seconds(fsdd: Path) -> npt.NDArray[np.float64]:
    return lengths_of(sorted(fsdd.glob("*.wav")))


@pytest.fixture(scope="module")
def strings(corpora: Path, tmp_path_factory: pytest.TempPathFactory) -> npt.NDArray[np.float64]:
    """Lengths of strings of three to seven digits, some three seconds each."""
    of = {"name": "fsdd", "folder": corpora / "fsdd", "split": "train"}
    made = DigitStringsConfig.model_validate({"of": of, "count": 1000, "min_words": 3, "max_words": 7})
    return lengths_of(one.audio for one in made.load(tmp_path_factory.mktemp("strings")))


@settings(deadline=None, max_examples=60)
@given(LENGTHS, MEASURES, st.floats(0.0, 0.5), st.integers(0, 2**31), st.integers(0, 100))
def test_every_epoch_holds_every_utterance_once_in_equally_many_batches(lengths, measure, jitter, seed, epoch):
    sampler = BucketSampler(lengths, **measure, jitter=jitter, seed=seed)
    batches = sampler.epoch(epoch)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    assert len(batches) == len(sampler.epoch(epoch + 1))
    for batch in batches:
        padded = max(lengths[i] for i in batch) * len(batch)
        assert len(batch) <= measure.get("batch_size", len(lengths))
        assert len(batch) == 1 or padded <= measure.get("batch_seconds", np.inf) * (1 + 1e-9)


@settings(deadline=None, max_examples=60)
@given(LENGTHS, MEASURES)
def test_evaluation_batches_ascend_in_length_and_hold_every_utterance_once(lengths, measure):
    sampler = OrderedSampler(lengths, **measure)
    order = [i for batch in sampler.epoch(0) for i in batch]
    assert sorted(order) == list(range(len(lengths)))
    assert [lengths[i] for i in order] == sorted(lengths)
    assert sampler.epoch(5) == sampler.epoch(0)
    if "batch_size" in measure:
        assert {len(batch) for batch in sampler.epoch(0)[:-1]} <= {measure["batch_size"]}


@settings(deadline=None, max_examples=60)
@given(LENGTHS, MEASURES, st.integers(1, 5))
def test_processes_share_the_batches_of_an_evaluation(lengths, measure, processes):
    parts = [OrderedSampler(lengths, **measure, part=(rank, processes)).epoch(0) for rank in range(processes)]
    turns = (batch for turn in zip_longest(*parts) for batch in turn if batch is not None)
    assert list(turns) == OrderedSampler(lengths, **measure).epoch(0)


def test_an_epoch_depends_on_seed_and_number_alone(seconds):
    one = BucketSampler(seconds, batch_size=32, seed=1)
    later = one.epoch(7)
    one.epoch(3)
    assert one.epoch(7) == later == BucketSampler(seconds, batch_size=32, seed=1).epoch(7)
    assert later != one.epoch(8)
    assert later != BucketSampler(seconds, batch_size=32, seed=2).epoch(7)


def test_epochs_mix_utterances_anew_and_not_only_the_order_of_batches(seconds):
    sampler = BucketSampler(seconds, batch_size=32, seed=1)
    first, second = ({frozenset(batch) for batch in sampler.epoch(n)} for n in (0, 1))
    assert len(first & second) <= 0.1 * len(first)


@pytest.mark.parametrize("measure", [{"batch_size": 32}, {"batch_seconds": 15.0}, {"batch_seconds": 60.0}])
@pytest.mark.parametrize("corpus", ["seconds", "strings"])
def test_real_speech_is_padded_by_less_than_seven_percent(request, corpus, measure):
    lengths = request.getfixturevalue(corpus)
    sampler = BucketSampler(lengths, **measure, seed=0)
    efficiencies = [padding_efficiency(lengths, sampler.epoch(n)) for n in range(3)]
    shuffled = np.array_split(np.random.default_rng(0).permutation(len(lengths)), len(lengths) // 32)
    assert min(efficiencies) >= 0.93 > 0.7 > padding_efficiency(lengths, [batch.tolist() for batch in shuffled])


def test_no_jitter_pads_least(seconds):
    efficiency = [
        padding_efficiency(seconds, BucketSampler(seconds, batch_size=64, jitter=j).epoch(0)) for j in (0.0, 0.1, 0.4)
    ]
    assert efficiency == sorted(efficiency, reverse=True)


def test_an_utterance_that_is_too_long_comes_alone():
    batches = BucketSampler([1.0, 1.0, 30.0], batch_seconds=4.0).epoch(0)
    assert sorted(map(sorted, batches)) == [[0, 1], [2]]


def test_counter_seeds_are_the_same_on_every_machine_and_differ_in_every_counter():
    assert counter_seed(7, 0, 3) == 3822332221808042564
    seeds = {counter_seed(seed, epoch, batch) for seed in range(5) for epoch in range(20) for batch in range(20)}
    assert len(seeds) == 2000
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert counter_seed(1, 23) != counter_seed(12, 3)
