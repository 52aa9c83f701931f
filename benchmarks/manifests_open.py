"""Open one manifest, once and again, make an epoch of batches and go on in the middle of one; tell what each took.

Run by manifests.py: MANIFEST CACHE BATCH.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from asrtrain.batching import BucketSampler
from asrtrain.data import SOURCES
from asrtrain.data.contents import content_hashes
from asrtrain.data.data_config import DataConfig

T = TypeVar("T")


def memory(what: str) -> float:
    """Megabytes of the resident memory: now (``RssAnon``), or at the most (``VmHWM``)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith(f"{what}:")).split()[1]) / 1024


def seconds(run: Callable[[], T]) -> tuple[T, float]:
    """What a call returns, and its CPU time."""
    began = time.process_time()
    result = run()
    return result, time.process_time() - began


def main() -> None:
    manifest, cache, batch = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    source = SOURCES["manifest"](path=manifest)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forget the peak of the imports
    before = memory("VmRSS")
    found: dict[str, float] = {}
    table, found["open_s"] = seconds(lambda: source.load(cache))
    found["open_mb"] = memory("VmHWM") - before
    found["kept_mb"] = memory("VmRSS") - before
    del table
    table, found["open_again_s"] = seconds(lambda: source.load(cache))
    content_hashes(table, cache)  # reads every recording
    _, found["known_again_s"] = seconds(lambda: content_hashes(table, cache))
    durations = table.durations
    sampler, found["sampler_s"] = seconds(lambda: BucketSampler(durations, batch_seconds=200.0))
    epoch, found["epoch_s"] = seconds(lambda: sampler.epoch(0))
    assert sum(map(len, epoch)) == len(table)
    found["batches"] = len(epoch)

    def resume() -> list[int]:
        return BucketSampler(durations, batch_seconds=200.0).epoch(3)[batch]

    found["resume_s"] = seconds(resume)[1]
    found["sampled_mb"] = memory("VmHWM") - before
    splits, found["splits_s"] = seconds(lambda: DataConfig(train=source).load(cache))
    assert len(splits.train) + len(splits.dev) == len(table)
    found["splits_mb"] = memory("VmHWM") - before
    print(json.dumps(found))


if __name__ == "__main__":
    main()
