"""Memory: a corpus four times as large takes no more of it, to be read, to be kept and to be made batches of."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import wave
from pathlib import Path

import pytest

PROGRAM = """
import json, sys
from pathlib import Path
from asrtrain.batching import BucketSampler, Loader, load_dataset
from asrtrain.data.shards_source import ShardsConfig
from asrtrain.features import FEATURES

def memory(what):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(what + ":")).split()[1]) / 1024

folder, kept = Path(sys.argv[1]), Path(sys.argv[2])
front_end = FEATURES["log_mel"](sample_rate=8000).build()

def work(shards, kept):
    utterances = ShardsConfig(path=shards).load(kept)
    dataset = load_dataset(utterances, lambda text: [0], "label", 8000, kept)
    samples = int(dataset.waveforms.lengths.sum())
    for one in (dataset, dataset.with_features(front_end, {}, kept)):
        for batch in Loader(one, BucketSampler(one.seconds, batch_size=16), front_end).epoch(0):
            assert batch.features.isfinite().all()
    return samples

work(folder / "shard-000000.tar", kept / "first")  # what is made once
Path("/proc/self/clear_refs").write_text("5")
before = memory("VmRSS")
samples = work(folder, kept / "all")
print(json.dumps({"mb": memory("VmHWM") - before, "corpus_mb": samples * 4 / 2**20}))
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is measured as Linux tells it")
def test_a_corpus_four_times_as_large_takes_no_more_memory(fsdd: Path, tmp_path: Path) -> None:
    """Strings of digits, so that the corpus is many times what a batch is."""
    grown = {}
    for times in (1, 4):
        shards = tmp_path / f"shards{times}"
        make(shards, fsdd, 500 * times)
        command = [sys.executable, "-c", PROGRAM, str(shards), str(tmp_path / f"kept{times}")]
        # By itself glibc gives back what it likes, when it likes: ten times as much as what is looked for here.
        given_back = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=given_back)
        grown[times] = json.loads(done.stdout)
    assert grown[4]["corpus_mb"] > 3.9 * grown[1]["corpus_mb"] > 12
    assert grown[4]["mb"] - grown[1]["mb"] < 0.2 * (grown[4]["corpus_mb"] - grown[1]["corpus_mb"]), grown


def make(shards: Path, fsdd: Path, count: int) -> None:
    """So many recordings of the corpus, a second or so each, in shards of 100."""
    paths = sorted(fsdd.glob("*.wav"))
    shards.mkdir()
    for shard in range(count // 100):
        with tarfile.open(shards / f"shard-{shard:06d}.tar", "w") as tar:
            for number in range(100 * shard, 100 * shard + 100):
                content = io.BytesIO()
                with wave.open(content, "wb") as out:
                    out.setparams((1, 2, 8000, 0, "NONE", ""))
                    for place in range(4):
                        with wave.open(str(paths[(number * 7 + place * 11) % len(paths)])) as one:
                            out.writeframes(one.readframes(one.getnframes()))
                for suffix, data in (("wav", content.getvalue()), ("txt", b"one")):
                    member = tarfile.TarInfo(f"{number:06d}.{suffix}")
                    member.size = len(data)
                    tar.addfile(member, io.BytesIO(data))
