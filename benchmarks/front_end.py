"""MFCC extraction beside torchaudio's, in one run, on one thread: ratios of CPU time.

Long files: 32 of 10 seconds. Short files: 512 of 0.4 seconds, by us in batches, by torchaudio file by file (as its
documentation shows it) and padded to one batch.
"""

from __future__ import annotations

import argparse
import json

import torch
import torchaudio
from timing import interleaved

from asrtrain.features.mfcc import MFCCConfig

RATE = 16_000


def measure(count: int, seconds: float, rounds: int) -> dict[str, float]:
    generator = torch.Generator().manual_seed(0)
    waveforms = 0.1 * torch.randn(count, int(RATE * seconds), generator=generator)
    lengths = torch.full((count,), waveforms.shape[1])
    ours = MFCCConfig(sample_rate=RATE, pre_emphasis=0.0, deltas=0, normalise="none").build()
    settings = {"n_fft": 512, "win_length": 400, "hop_length": 160, "n_mels": 40, "center": False}
    theirs = torchaudio.transforms.MFCC(RATE, 13, log_mels=True, melkwargs=settings)
    medians = interleaved(
        {
            "asrtrain": lambda: [ours(waveforms[i : i + 64], lengths[i : i + 64]) for i in range(0, count, 64)],
            "file_by_file": lambda: [theirs(waveform) for waveform in waveforms],
            "batched": lambda: [theirs(waveforms[i : i + 64]) for i in range(0, count, 64)],
        },
        rounds,
    )
    return {name: value / medians["asrtrain"] for name, value in medians.items()}


def main() -> dict[str, float]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rounds = 3 if options.quick else 15
    long = measure(8 if options.quick else 32, 10.0, rounds)
    short = measure(128 if options.quick else 512, 0.4, rounds)
    ratios = {
        "ratio_to_torchaudio_10s": long["file_by_file"],
        "ratio_to_torchaudio_10s_batched": long["batched"],
        "ratio_to_torchaudio_short_file_by_file": short["file_by_file"],
        "ratio_to_torchaudio_short_batched": short["batched"],
    }
    if options.format == "json":
        print(json.dumps(ratios))
    else:
        print("\n".join(f"{name:42} {ratio:5.2f}" for name, ratio in ratios.items()))
    return ratios


if __name__ == "__main__":
    main()
