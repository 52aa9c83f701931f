"""Interrupts commands that synthesise speech, at random moments, and runs them again: a program that counts.

``python interrupting.py WORK SEED SYNTHESES FITS`` interrupts ``asrtrain data synth`` and ``asrtrain fit`` on synthetic
speech, each with an empty cache, so many times by SIGINT. It prints, as JSON, how many ended how, and how many of the
commands run again afterwards made the same files, to the byte, as commands that were left alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

CONFIG = """\
seed: 3
data:
  train: {name: synth, count: 120, foreign: 0.0}
  dev: {name: synth, split: held_out, count: 20}
features: {name: log_mel, sample_rate: 8000, n_mels: 16}
model: {name: gru, hidden_size: 8}
training: {max_epochs: 2, batch_size: 16}
"""
PATIENCE = 60.0
"""Seconds in which an interrupted command has to end; none comes near."""
OBEYED = (130, -signal.SIGINT)
"""The second is how Python ends before the program's first line."""


def command(kind: str, folder: Path) -> list[str]:
    asrtrain = [sys.executable, "-m", "asrtrain"]
    if kind == "synth":
        return [*asrtrain, "data", "synth", "--count", "150", "--seed", "5", "--output", str(folder / "spoken")]
    return [*asrtrain, "fit", str(folder / "run.yaml"), "--output", str(folder / "run")]


def result(kind: str, folder: Path) -> str:
    """What the command made, as a hash: of all recordings, and of the weights of the last checkpoint."""
    speech = [*folder.glob("spoken/*"), *folder.glob("cache/synth-*/*.wav")]
    made = [path for path in speech if path.name != "manifest.jsonl"]  # which holds the path of its folder
    if kind == "fit":
        made += folder.glob("run/checkpoints/*/model.safetensors")
    sums = [f"{path.relative_to(folder)} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in sorted(made)]
    return hashlib.sha256("\n".join(sums).encode()).hexdigest()


def started(kind: str, folder: Path) -> subprocess.Popen[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.yaml").write_text(CONFIG)
    environment = {**os.environ, "ASRTRAIN_CACHE": str(folder.absolute() / "cache"), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command(kind, folder.absolute()),
        cwd=folder,  # where runs/latest is pointed to the run
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def left_alone(kind: str, folder: Path) -> float:
    """Run to the end; returns the seconds that it took."""
    began = time.monotonic()
    _, said = started(kind, folder).communicate()
    assert not said.count(b"Traceback"), said.decode()
    return time.monotonic() - began


def interrupted(kind: str, folder: Path, after: float) -> int:
    """Interrupt once; returns the exit code."""
    process = started(kind, folder)
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE)
    if process.returncode != -signal.SIGINT:
        assert not said.count(b"Traceback"), said.decode()
    return process.returncode


def tried(kind: str, work: Path, count: int, moments: random.Random) -> Counter[str]:
    """So many interrupts of one kind of command that come in time, each followed by the same command again.

    One that finds the command at its end is counted, and another takes its place, three times as many in all at most.
    """
    counts: Counter[str] = Counter()
    whole = left_alone(kind, work / kind / "straight")
    expected = result(kind, work / kind / "straight")
    for number in range(3 * count):
        if counts["obeyed"] == count:
            break
        folder = work / kind / str(number)
        code = interrupted(kind, folder, moments.uniform(0.1, 0.9) * whole)
        counts["obeyed" if code in OBEYED else "finished" if code == 0 else f"ended with {code}"] += 1
        if code != 0:
            left_alone(kind, folder)
        same = result(kind, folder) == expected
        counts["identical afterwards" if same else f"different: {folder}"] += 1
        if same:
            shutil.rmtree(folder)
    return counts


def main() -> None:
    work, moments = Path(sys.argv[1]), random.Random(int(sys.argv[2]))
    wanted = {"synth": int(sys.argv[3]), "fit": int(sys.argv[4])}
    counts = {kind: tried(kind, work, count, moments) for kind, count in wanted.items()}
    sys.stdout.write(json.dumps(counts) + "\n")


if __name__ == "__main__":
    main()
