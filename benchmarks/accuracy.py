"""Accuracy and cost of the shipped configurations on real speech: trained by the command line, three seeds each.

Prints one line a configuration: the score of every seed on the test split, their mean, and the CPU seconds of ``fit``
from the start of the process to its end. ``--only NAME`` measures one of them; the corpora are found as the
configurations find them.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean

from command_line import in_a_place_of_its_own

CONFIGS = Path(__file__).resolve().parent.parent / "configs"
NAMES = (
    "fsdd_softmax",
    "fsdd_mlp",
    "fsdd_rnn",
    "fsdd_lstm",
    "fsdd_cnn",
    "fsdd_gmm_hmm",
    "digits_gmm_hmm",
    "digits_bilstm_ctc",
)


def asrtrain(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "asrtrain", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, **in_a_place_of_its_own(folder)).stdout


def measure(name: str, seed: int, folder: Path) -> tuple[float, float]:
    """The accuracy or WER in per cent, and the CPU seconds of training."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = asrtrain(
        folder, "fit", str(CONFIGS / f"{name}.yaml"), "--seed", str(seed), "--output", str(folder / f"{name}-{seed}")
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    figures = json.loads(asrtrain(folder, "eval", run.split()[-1], "--format", "json"))
    return 100 * figures["accuracy" if "accuracy" in figures else "wer"], seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=NAMES, action="append")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in options.only or NAMES:
            runs = [measure(name, seed, Path(folder)) for seed in range(options.seeds)]
            scores, seconds = zip(*runs, strict=True)
            each = " ".join(f"{score:.2f}" for score in scores)
            print(f"{name:20} {each}  mean {mean(scores):.2f} %  CPU {max(seconds):.0f} s", flush=True)


if __name__ == "__main__":
    main()
