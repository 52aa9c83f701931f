"""MFCC extraction beside other libraries', in one run, each on one thread: ratios of CPU time, theirs by ours.

Long files: 10 seconds each. Short files: 0.4 seconds. Ours goes in batches of 64, theirs file by file (as their
documentation shows it) and, where they can, in the same batches. torchaudio runs in this process; lhotse, SpeechBrain,
kaldi-native-fbank and librosa, those of them that are installed, in a process of ``--peers``, round by round with ours.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torchaudio
from command_line import add_peers_option, options_of, show
from timing import cpu_seconds, medians

from asrtrain.features.mfcc import MFCCConfig

RATE, BATCH = 16_000, 64
PEERS = Path(__file__).resolve().with_name("front_end_peers.py")


def own(waveforms: torch.Tensor) -> dict[str, Callable[[], object]]:
    """What runs in this process."""
    lengths = torch.full((len(waveforms),), waveforms.shape[1])
    ours = MFCCConfig(sample_rate=RATE, pre_emphasis=0.0, deltas=0, normalise="none").build()
    settings = {"n_fft": 512, "win_length": 400, "hop_length": 160, "n_mels": 40, "center": False}
    theirs = torchaudio.transforms.MFCC(RATE, 13, log_mels=True, melkwargs=settings)
    return {
        "asrtrain": lambda: [ours(*batch) for batch in zip(waveforms.split(BATCH), lengths.split(BATCH), strict=True)],
        "torchaudio/file_by_file": lambda: [theirs(waveform) for waveform in waveforms],
        "torchaudio/batched": lambda: [theirs(batch) for batch in waveforms.split(BATCH)],
    }


@contextmanager
def peers(python: str, waveforms: torch.Tensor) -> Iterator[dict[str, Callable[[], float]]]:
    """What runs in the process of the others: each candidate runs once and tells its CPU seconds."""
    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        np.save(file, waveforms.numpy())
        file.flush()
        command = [python, "-W", "ignore", str(PEERS), file.name]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            requests, replies = process.stdin, process.stdout

            def ask(name: str) -> float:
                print(name, file=requests, flush=True)
                return float(replies.readline())

            yield {name: partial(ask, name) for name in json.loads(replies.readline())}
            requests.close()


def measure(python: str, count: int, seconds: float, rounds: int) -> dict[str, float]:
    """CPU seconds of every other candidate by ours."""
    waveforms = 0.1 * torch.randn(count, int(RATE * seconds), generator=torch.Generator().manual_seed(0))
    with peers(python, waveforms) as others:
        here = {name: partial(cpu_seconds, run) for name, run in own(waveforms).items()}
        found = medians(here | others, rounds)
    ours = found.pop("asrtrain")
    return {name: value / ours for name, value in found.items()}


def key(candidate: str, files: str) -> str:
    """``ratio_to_torchaudio_10s``: where nothing else is said, file by file, as everybody does with long files."""
    library, way = candidate.split("/")
    return f"ratio_to_{library}_{files}" + ("" if (files, way) == ("10s", "file_by_file") else f"_{way}")


def main() -> dict[str, float]:
    parser = options_of(__doc__)
    add_peers_option(parser)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rounds = 3 if options.quick else 15
    long = measure(options.peers, 8 if options.quick else 32, 10.0, rounds)
    short = measure(options.peers, 128 if options.quick else 512, 0.4, rounds)
    ratios = {key(name, "10s"): ratio for name, ratio in long.items()}
    ratios |= {key(name, "short"): ratio for name, ratio in short.items()}
    show(ratios, options.format)
    return ratios


if __name__ == "__main__":
    main()
