"""Training and scoring a configuration with one version of asrtrain, in processes of their own."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import final

import safetensors.torch
import torch

from same.recipes import Recipe, recipe

STARTER = Path(__file__).resolve().parent / "starter.py"
Key = tuple[str, int, str]
"""A figure of the log: the kind of record, the step, and the figure's name."""


@final
@dataclass(frozen=True)
class Outcome:
    """What came of a run: its last weights, what it heard in the development part, its losses, and seconds."""

    weights: dict[str, torch.Tensor]
    transcripts: dict[str, str]
    losses: dict[Key, str]
    seconds: float


@final
class Version:
    """A version of asrtrain, with a folder where its commands are started and what it makes is kept.

    Raises RuntimeError if Python would import another.
    """

    def __init__(self, tree: Path, folder: Path, corpora: Path) -> None:
        self._folder, self._corpora = folder, corpora
        shutil.copytree(tree / "configs", folder / "configs")
        environment = {
            "PYTHONPATH": str(tree / "src"),
            "OMP_NUM_THREADS": "1",
            "ASRTRAIN_CACHE": str(folder / "cache"),
            "ASRTRAIN_CORPORA": str(corpora),
        }
        self._process = subprocess.Popen(
            [sys.executable, STARTER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
            env=os.environ | environment,
        )
        imported = Path(self._answer())
        if not imported.is_relative_to(tree / "src"):
            self.close()
            raise RuntimeError(f"Python imports {imported}, not what lies in {tree}")

    def close(self) -> None:
        """End its process."""
        self._process.communicate()

    def recipes(self, epochs: int) -> dict[str, Recipe]:
        """How its configurations are trained, by name."""
        files = sorted((self._folder / "configs").glob("*.yaml"))
        return {file.stem: recipe(file, self._corpora, epochs) for file in files}

    def run(self, recipe: Recipe, output: str) -> Outcome:
        """Train, and transcribe the development part. Raises RuntimeError with what was said where that fails."""
        began = time.perf_counter()
        settings = [f"--set={setting}" for setting in recipe.settings]
        config = f"configs/{recipe.name}.yaml"
        self._call("fit", config, "--output", output, "--device", "cpu", *settings)
        self._call("eval", output, "--split", "dev", "--device", "cpu")
        run = self._folder / output
        weights = safetensors.torch.load_file(run / "checkpoints" / "last" / "model.safetensors")
        return Outcome(weights, _transcripts(run), _losses(run), time.perf_counter() - began)

    def _call(self, *arguments: str) -> None:
        said = self._folder / "said.txt"
        said.unlink(missing_ok=True)
        assert self._process.stdin is not None
        print(json.dumps([str(said), *arguments]), file=self._process.stdin, flush=True)
        if self._answer() != "0":
            raise RuntimeError(f"{' '.join(arguments[:2])}: {said.read_text(encoding='utf-8').strip()}")

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def _transcripts(run: Path) -> dict[str, str]:
    """What was heard in the development part, by utterance."""
    with (run / "results" / "dev-utterances.tsv").open(encoding="utf-8", newline="") as file:
        return {row["id"]: row["hypothesis"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)}


def _losses(run: Path) -> dict[Key, str]:
    """Every loss, likelihood and metric of the log, as text, in which what is no number equals itself."""
    found = {}
    for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        for key, value in record.items():
            if key.endswith(("loss", "likelihood", "metric")) and isinstance(value, int | float):
                found[record["kind"], record["step"], key] = repr(value)
    return found
