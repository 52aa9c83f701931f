"""Files that are damaged as disks, interrupted copies and people damage them, and what commands make of them."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from asrtrain.app import evaluate, explain, fit, report, scores, transcribe
from asrtrain.data import kept_tables
from asrtrain.errors import AsrtrainError, Interrupted
from asrtrain.evaluation import EvalReport
from asrtrain.reporting.html import RunFindings
from asrtrain.terminal import say
from asrtrain.training.checkpoint import load_tensors
from asrtrain.training.store import CheckpointStore

CONFIG = """\
seed: 3
data:
  train: {{name: manifest, path: {folder}/train.csv}}
  test: {{name: digit_strings, count: 6, min_words: 1, max_words: 1, of: {{name: manifest, path: {folder}/test.csv}}}}
features: {{name: mfcc, sample_rate: 8000}}
model: {{name: softmax, frames: 8}}
optimizer: {{name: adamw, lr: 0.02}}
training: {{max_epochs: 3, batch_size: 16, average: 2, keep_checkpoints: 2}}
"""
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_PICTURES = (".png", ".html")
_FOR_PEOPLE = ("log.txt", "metrics.csv", "test.txt", "test-speakers.tsv", "test-confusions.tsv", ".lock")
"""What no command reads back."""


@dataclass
class Place:
    """A folder with a finished run, a stopped one and the cache, which is damaged, used and put back."""

    folder: Path
    recordings: list[Path]
    found: dict[str, Any] = field(default_factory=dict)

    @property
    def kept(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}-whole")

    def files(self) -> list[Path]:
        """Every file that a later command may read."""
        every = sorted(path.relative_to(self.kept) for path in self.kept.rglob("*") if path.is_file())
        return [path for path in every if len(path.parts) > 1 and not self._is_idle(path)]

    def _is_idle(self, path: Path) -> bool:
        linked = any((self.kept / parent).is_symlink() for parent in path.parents)
        return linked or path.suffix in _PICTURES or path.name in _FOR_PEOPLE or "tensorboard" in path.parts

    def restore(self, *parts: str) -> None:
        """Put these parts back as they were: all, if none is named."""
        for part in parts or ("run", "stopped", "cache"):
            shutil.rmtree(self.folder / part, ignore_errors=True)
            shutil.copytree(self.kept / part, self.folder / part, symlinks=True)

    def uses(self, path: Path) -> dict[str, Callable[[], Any]]:
        """What reads a file, by its name."""
        run, stopped = self.folder / "run", self.folder / "stopped"
        of_run = {"eval": lambda: _scores(evaluate(run)), "transcribe": lambda: self._transcripts(run)}
        if path.parts[0] == "run":
            explained = {"explain": lambda: explain(batch=next((run / "explain").glob("*.safetensors"))).to_json()}
            return {**of_run, "report": lambda: self._page(run), **(explained if "explain" in path.parts else {})}
        resumed = {"resume": lambda: self._resumed(stopped)}
        return resumed if path.parts[0] == "stopped" else {"eval": of_run["eval"], **resumed}

    def _transcripts(self, run: Path) -> list[Any]:
        return [one.to_json() for one in transcribe(self.recordings, run=run)]

    def _resumed(self, stopped: Path) -> dict[str, Any]:
        fit(self.folder / "c.yaml", output=stopped)
        return {name: _weights(stopped / "checkpoints" / name) for name in ("best", "last", "average")}

    def _page(self, run: Path) -> dict[str, Any]:
        """All that the page tells of scores, of training and of what was explained."""
        report([run], output=self.folder / "report.html")
        return self.found


def _scores(found: EvalReport) -> dict[str, Any]:
    said = [(o.id, o.reference, o.hypothesis.text, o.hypothesis.confidence) for o in found.outcomes]
    return {**found.to_json(), "real_time_factor": 0, "said": said}


def _weights(checkpoint: Path) -> str:
    tensors, metadata = load_tensors(checkpoint)
    parts = [name.encode() + tensor.numpy().tobytes() for name, tensor in sorted(tensors.items())]
    return hashlib.sha256(b"".join(parts)).hexdigest() + str(metadata["epoch"])


@contextmanager
def quickly(place: Place) -> Iterator[None]:
    """Small tables are kept too, pictures are not drawn, a page is what it is made of, and no disk is waited for."""

    def page(findings: list[RunFindings], _version: str) -> str:
        (one,) = findings
        scores = None if one.scores is None else _scores(one.scores)
        told = ("closing", "steps", "epochs", "environment", "explanations")
        place.found = {**{name: getattr(one, name) for name in told}, "scores": scores}
        if one.scores_note:
            say(one.scores_note)  # which the page says
        return ""

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASRTRAIN_CACHE", str(place.folder / "cache"))
        patch.setattr(kept_tables, "WORTH_KEEPING", 10)
        patch.setattr(sys.modules[report.__module__], "report_page", page)
        patch.setattr(sys.modules[fit.__module__], "draw_run", lambda _: None)
        patch.setattr(scores, "draw_confusion", lambda *_: None)
        patch.setattr(os, "fsync", lambda _: None)
        yield


def build(folder: Path, fsdd: Path) -> Place:
    """Train one run to its end, and stop another after two epochs; score and explain the first."""
    folder.mkdir()
    for name, pattern in (("train", "[1357]_theo_1?.wav"), ("test", "[1357]_jackson_[0-3].wav")):
        rows = [f"{path},{_DIGITS[int(path.name[0])]}\n" for path in sorted(fsdd.glob(pattern))]
        (folder / f"{name}.csv").write_text("audio,text\n" + "".join(rows))
    (folder / "c.yaml").write_text(CONFIG.format(folder=folder))
    place = Place(folder, sorted(fsdd.glob("[357]_theo_0.wav")))
    with quickly(place):
        fit(folder / "c.yaml", output=folder / "run")
        evaluate(folder / "run")
        explain(folder / "run", step=2)
        with pytest.MonkeyPatch.context() as patch, pytest.raises(Interrupted):
            patch.setattr(CheckpointStore, "save", _stopping_after(2, CheckpointStore.save))
            fit(folder / "c.yaml", output=folder / "stopped")
    shutil.copytree(folder, place.kept, symlinks=True)
    return place


def _stopping_after(count: int, save: Callable[..., None]) -> Callable[..., None]:
    saves = iter(range(1, 1000))

    def saving(*arguments: object) -> None:
        save(*arguments)
        if next(saves) == count:
            os.kill(os.getpid(), signal.SIGINT)

    return saving


def damaged(content: bytes, kind: str, draw: Random) -> bytes:
    """A flipped bit, a few of them, an end cut off, or a block of zeros."""
    harmed = bytearray(content)
    if kind == "cut" or not harmed:
        return content[: draw.randrange(len(content) or 1)]
    if kind == "zeros":
        size = min(len(harmed), draw.choice([1, 16, 512, 4096]))
        start = draw.randrange(len(harmed) - size + 1)
        harmed[start : start + size] = bytes(size)
        return bytes(harmed)
    for _ in range(1 if kind == "bit" else 5):
        harmed[draw.randrange(len(harmed))] ^= 1 << draw.randrange(8)
    return bytes(harmed)


def outcome_of(use: Callable[[], Any]) -> tuple[str, Any]:
    """``("answer", what it was)``, or ``("refusal", the sentence)``; anything else that is raised is a fault."""
    try:
        return "answer", use()
    except AsrtrainError as error:
        assert error.exit_code in (2, 3, 4, 5), error
        return "refusal", str(error)
