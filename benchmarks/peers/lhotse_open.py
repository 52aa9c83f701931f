"""lhotse on the same utterances: open cuts, make an epoch of batches, and restore a sampler. MANIFEST BATCH."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def memory(what: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith(f"{what}:")).split()[1]) / 1024


def seconds(run: Callable[[], T]) -> tuple[T, float]:
    began = time.process_time()
    result = run()
    return result, time.process_time() - began


def main() -> dict[str, float]:
    try:
        from lhotse import CutSet, MonoCut, Recording, SupervisionSegment
        from lhotse.dataset import DynamicBucketingSampler
        from lhotse.serialization import SequentialJsonlWriter
    except ImportError:
        return {}
    manifest, batch = Path(sys.argv[1]), int(sys.argv[2])

    def cuts() -> Iterator[MonoCut]:
        with manifest.open(encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                name, start, duration = row["id"], row["offset"], row["duration"]
                recording = Recording(Path(row["audio_filepath"]).stem, [], 16000, 16000 * 4000, 4000.0)
                said = SupervisionSegment(name, recording.id, 0, duration, text=row["text"], speaker=row["speaker"])
                yield MonoCut(name, start, duration, 0, [said], recording=recording)

    def sampler() -> DynamicBucketingSampler:
        lazy = CutSet.from_jsonl_lazy(path)
        return DynamicBucketingSampler(lazy, max_duration=200.0, shuffle=True, num_buckets=30, seed=0)

    def advance() -> int:
        made = iter(sampler())
        return sum(1 for _, _ in zip(range(batch), made, strict=False))

    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cuts.jsonl"
        with SequentialJsonlWriter(path) as writer:
            for cut in cuts():
                writer.write(cut)
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        before = memory("VmRSS")
        found["batches_before_resume_s"] = seconds(advance)[1]  # restoring is replaying: lhotse#1327
        found["epoch_lazy_s"] = seconds(lambda: sum(1 for _ in sampler()))[1]
        found["lazy_mb"] = memory("VmHWM") - before
        opened, found["open_s"] = seconds(lambda: CutSet.from_jsonl(path))
        found["open_mb"] = memory("VmHWM") - before
        assert len(opened)
    return found


if __name__ == "__main__":
    print(json.dumps(main()))
