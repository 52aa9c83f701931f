"""Who trains: asrtrain, and each peer whose libraries are there, as its documentation sets it up or with all levers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, final

import torch

from race.running import Running
from race.task import Split, Task

Setup = Literal["documented", "levers"]
Precision = Literal["fp32", "bf16"]
PEERS = Path(__file__).resolve().parents[1] / "peers"
PROGRAMS = {
    "speechbrain": "with_speechbrain.py",
    "lightning": "with_lightning.py",
    "transformers": "with_transformers.py",
    "plain_loop": "plain_loop.py",
}
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS")}


@final
@dataclass(frozen=True)
class Candidate:
    """A program that trains: ``library`` is asrtrain, or one of ``PROGRAMS``."""

    library: str
    setup: Setup
    precision: Precision

    def __str__(self) -> str:
        return "_".join((self.library, *(["levers"] if self.setup == "levers" else []), self.precision))

    def start(self, task: Task, manifests: Mapping[Split, Path], *, seed: int, python: str, folder: Path) -> Running:
        """Start it in a folder of its own, where nothing is cached."""
        folder.mkdir(parents=True)
        if self.library == "asrtrain":
            config = folder / "config.yaml"
            config.write_text(task.configuration(dict(manifests), self.precision), encoding="utf-8")
            command = [sys.executable, "-m", "asrtrain", "fit", str(config), "--seed", str(seed), "--output"]
            command.append(str(folder / "run"))
        else:
            job = {
                **asdict(task),
                **{split: str(path) for split, path in manifests.items()},
                "folder": str(folder),
                "seed": seed,
                "precision": self.precision,
                "levers": self.setup == "levers",
            }
            command = [python, "-W", "ignore", str(PEERS / PROGRAMS[self.library]), json.dumps(job)]
        return Running(command, ONE_THREAD | {"ASRTRAIN_CACHE": str(folder / "cache")}, folder / "log.txt")


def contenders(python: str, precision: Precision) -> list[Candidate]:
    """All who can train in a precision. Documentations know fp32 only."""
    known = [name for name in PROGRAMS if name in libraries(python)]
    with_levers = [Candidate(name, "levers", precision) for name in (*known, "plain_loop")]
    documented = [Candidate(name, "documented", precision) for name in known] if precision == "fp32" else []
    return [Candidate("asrtrain", "documented", precision), *documented, *with_levers]


def precisions() -> list[Precision]:
    """bf16 only where the processor has it: elsewhere it is ten times slower."""
    return ["fp32", "bf16"] if torch.ops.mkldnn._is_mkldnn_bf16_supported() else ["fp32"]


def libraries(python: str) -> list[str]:
    """The peers that a Python has."""
    ask = "import importlib.util, sys; print(*[name for name in sys.argv[1:] if importlib.util.find_spec(name)])"
    return subprocess.run([python, "-c", ask, *PROGRAMS], check=True, capture_output=True, text=True).stdout.split()
