"""No recording, however long, makes a batch that takes all memory; usual recordings are batched as ever."""

from __future__ import annotations

import numpy as np
import pytest

from asrtrain.batching import BucketSampler, OrderedSampler
from asrtrain.batching.bounds import batch_limit, batch_room, long_recordings, refuse_longer
from asrtrain.errors import DataError
from asrtrain.training.config import TrainingConfig

USUAL = np.random.default_rng(0).gamma(4, 1.0, 500) + 0.3
WITH_AN_HOUR = np.append(USUAL, 3600.0)
NAMES = [f"u{number}" for number in range(501)]


@pytest.mark.parametrize(
    "settings", [TrainingConfig(), TrainingConfig(batch_size=128), TrainingConfig(batch_seconds=30.0)]
)
def test_usual_recordings_are_batched_as_without_a_bound(settings: TrainingConfig) -> None:
    size, seconds = settings.batch_size, settings.batch_seconds
    bounded = BucketSampler(USUAL, batch_size=size, batch_seconds=batch_room(USUAL, settings)).epoch(3)
    assert bounded == BucketSampler(USUAL, batch_size=size, batch_seconds=seconds).epoch(3)
    refuse_longer(USUAL, NAMES, settings)
    assert not list(long_recordings(USUAL, NAMES))


@pytest.mark.parametrize("sampler", [BucketSampler, OrderedSampler])
def test_an_hour_is_padded_to_by_none_other(sampler: type[BucketSampler] | type[OrderedSampler]) -> None:
    room = batch_room(WITH_AN_HOUR, TrainingConfig(batch_limit=3600.0))
    for batch in sampler(WITH_AN_HOUR, batch_size=32, batch_seconds=room).epoch(0):
        assert max(WITH_AN_HOUR[batch]) * len(batch) <= 3600.0


def test_an_hour_among_words_is_told_of_and_refused_with_the_way_out() -> None:
    settings = TrainingConfig()
    assert batch_limit(WITH_AN_HOUR, settings) < 2000
    (remark,) = long_recordings(WITH_AN_HOUR, NAMES)
    assert "1 of 501 recordings is far longer than the rest: u500 lasts 3600.0 s" in remark
    with pytest.raises(DataError, match=r"u500: lasts 3600 s, .*or set training\.batch_limit: 3600"):
        refuse_longer(WITH_AN_HOUR, NAMES, settings)
    refuse_longer(WITH_AN_HOUR, NAMES, TrainingConfig(batch_limit=3600.0))


@pytest.mark.parametrize("size", [1, 32])
def test_few_or_single_recordings_are_not_refused(size: int) -> None:
    for lengths in ([100.0], [0.5, 0.5, 0.5, 100.0]):
        refuse_longer(np.array(lengths), NAMES, TrainingConfig(batch_size=size))
