"""Run benchmarks and write docs/benchmarks.md: ratios, with the machine and the versions they were measured on."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import torch
import torchaudio

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
BENCHMARKS = {
    "front_end.py": "MFCC extraction, CPU time of the other by ours (above 1: we are faster)",
    "clipping_cost.py": "Clipping: per cent of a training step, and CPU time of ours by torch's clip_grad_norm_",
    "explain_cost.py": "Being ready to explain a step: per cent of the step",
    "overhead.py": "Our loop beside a bare one with clip_grad_norm_: microseconds added to a step, and per cent of it",
    "processes.py": "Two processes: one's time by theirs (above 1: two are faster), milliseconds, and the load",
    "epoch.py": "An epoch of a whole training run, CPU time of the other by ours; seconds; per cent right or wrong",
    "time_to_accuracy.py": "From process start to a goal, CPU time and peak memory: ours by the other's; seconds, MB",
    "start.py": "From the start of a process to its first batch: CPU seconds over those of importing torch",
    "roofline.py": "A training step beside the processor's matrix peak: per cent of it, GFLOP/s, the allocator",
    "sharding_memory.py": "A model in shards: peak bytes that a weight takes in each process, AdamW's moments included",
    "manifests.py": "A manifest of a million utterances: CPU seconds and MB to open, sample, resume and divide it",
    "hmm.py": "Baum-Welch training, CPU time of hmmlearn's by ours on the same frames, and what both arrive at",
}


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")


def page_head() -> list[str]:
    return [
        "# Benchmarks",
        "",
        "Written by `scripts/bench`. Candidates run interleaved in one run, on one thread; figures are ratios of",
        "medians of CPU time unless they say otherwise, so that they hold where seconds do not. A section says when it",
        "was measured, with which options, and how busy the machine was before it (one-minute load average).",
    ]


def machine() -> str:
    return (
        f"{datetime.now():%Y-%m-%d %H:%M} · {processor()} · {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} · "
        f"{platform.system()} · Python {platform.python_version()} · torch {torch.__version__} · "
        f"torchaudio {torchaudio.__version__}"
    )


def measured(program: str, options: list[str]) -> str:
    """Run one program; its section of the page."""
    before = machine()
    command = [sys.executable, str(HERE / program), "--format", "json", *options]
    ratios = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    rows = [f"| `{name}` | {ratio:.2f} |" for name, ratio in ratios.items()]
    called = " ".join(["python", f"benchmarks/{program}", *options])
    return "\n".join([f"`{called}` · {before}", "", "| measured | |", "|---|---|", *rows])


def sections_of(page: Path) -> dict[str, str]:
    """What the page says already, by heading."""
    _, *parts = page.read_text(encoding="utf-8").split("\n## ") if page.exists() else [""]
    return {heading: body.strip() for heading, _, body in (part.partition("\n") for part in parts)}


def main() -> None:
    """Arguments: the programs to run (all, if none is named), then options for them. Other sections stay."""
    named = [argument for argument in sys.argv[1:] if argument in BENCHMARKS]
    options = [argument for argument in sys.argv[1:] if argument not in BENCHMARKS]
    sections = sections_of(PAGE)
    for program in named or BENCHMARKS:
        sections[BENCHMARKS[program]] = measured(program, options)
        known = [(title, sections[title]) for title in BENCHMARKS.values() if title in sections]
        text = [*page_head(), *(line for title, body in known for line in ("", f"## {title}", "", body))]
        PAGE.write_text("\n".join(text) + "\n", encoding="utf-8")  # after each: an hour's figures are not lost
        print(sections[BENCHMARKS[program]], file=sys.stderr)


if __name__ == "__main__":
    main()
