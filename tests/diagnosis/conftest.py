"""Real spoken digits in batches, and small networks, fresh and trained."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from asrtrain.batching import BucketSampler, Loader, load_dataset
from asrtrain.features import FEATURES
from asrtrain.types import Batch

sys.path.insert(0, str(Path(__file__).parent))
from spoken_networks import recordings


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def batches(fsdd: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Batch]:
    """Sixty recordings of two speakers, eight a batch, as MFCC."""
    cache = tmp_path_factory.mktemp("cache")
    dataset = load_dataset(recordings(fsdd), lambda text: [int(text)], "label", 8000, cache)
    front_end = FEATURES["mfcc"](sample_rate=8000).build()
    return [
        batch
        for batch in Loader(dataset, BucketSampler(dataset.seconds, batch_size=8, seed=1), front_end).epoch(0)
        if len(batch.ids) == 8
    ]
