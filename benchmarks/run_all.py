"""Run every benchmark and write docs/benchmarks.md: ratios, with the machine and the versions they were measured on."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import torch
import torchaudio

HERE = Path(__file__).resolve().parent
BENCHMARKS = {
    "front_end.py": "MFCC extraction, CPU time of the other by ours (above 1: we are faster)",
    "clipping_cost.py": "Clipping: per cent of a training step, and CPU time of ours by torch's clip_grad_norm_",
    "explain_cost.py": "Being ready to explain a step: per cent of the step",
    "overhead.py": "Our loop beside a bare one with clip_grad_norm_: microseconds added to a step, and per cent of it",
    "processes.py": "Two processes: one's time by theirs (above 1: two are faster), milliseconds, and the load",
    "epoch.py": "An epoch of a whole training run, CPU time of the other by ours; seconds; per cent right or wrong",
    "time_to_accuracy.py": "From process start to a goal, CPU time and peak memory: ours by the other's; seconds, MB",
    "roofline.py": "A training step beside the processor's matrix peak: per cent of it, GFLOP/s, the allocator",
    "manifests.py": "A manifest of a million utterances: CPU seconds and MB to open, sample, resume and divide it",
    "hmm.py": "Baum-Welch training, CPU time of hmmlearn's by ours on the same frames, and what both arrive at",
}


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")


def main() -> None:
    page = [
        "# Benchmarks",
        "",
        "Written by `scripts/bench`. Candidates run interleaved in one process, on one thread; figures are ratios of",
        "medians of CPU time, so that they hold where seconds do not.",
        "",
        f"{datetime.now():%Y-%m-%d} · {processor()} · {platform.system()} · Python {platform.python_version()} · "
        f"torch {torch.__version__} · torchaudio {torchaudio.__version__}",
    ]
    for program, title in BENCHMARKS.items():
        command = [sys.executable, str(HERE / program), "--format", "json", *sys.argv[1:]]
        ratios = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        page += ["", f"## {title}", "", "| measured | ratio |", "|---|---|"]
        page += [f"| `{name}` | {ratio:.2f} |" for name, ratio in ratios.items()]
        print(f"{program}: {ratios}", file=sys.stderr)
    (HERE.parent / "docs" / "benchmarks.md").write_text("\n".join(page) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
