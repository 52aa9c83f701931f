"""From utterances to batches: sampling, a cache of waveforms and features, and loading."""

from asrtrain.batching.dataset import Dataset, load_dataset
from asrtrain.batching.loader import Loader
from asrtrain.batching.prefetched import Prefetched
from asrtrain.batching.sampler import BucketSampler, OrderedSampler, Sampler
from asrtrain.batching.seeds import counter_seed
from asrtrain.batching.windows import windows

__all__ = [
    "BucketSampler",
    "Dataset",
    "Loader",
    "OrderedSampler",
    "Prefetched",
    "Sampler",
    "counter_seed",
    "load_dataset",
    "windows",
]
