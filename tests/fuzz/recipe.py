"""The smallest runs that have every file that a command reads back: made in a second, from tones."""

from __future__ import annotations

import io
import shutil
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import soundfile

from asrtrain.cli import main

RATE = 8000
WORDS = {"low": 400, "high": 1600}
SPEAKERS = ("anna", "bert", "cleo")


def recordings(folder: Path, count: int = 12) -> Path:
    """A CSV manifest of two words, a tone each, by three speakers."""
    folder.mkdir(parents=True)
    rows = ["audio,text,speaker"]
    for word, pitch in WORDS.items():
        for number in range(count):
            time = np.arange(RATE // 4) / RATE
            noise = np.random.default_rng(number).standard_normal(len(time))
            tone = 0.3 * np.sin(2 * np.pi * (pitch + 20 * number) * time) + 0.01 * noise
            soundfile.write(folder / f"{word}-{number}.wav", tone, RATE)
            rows.append(f"{word}-{number}.wav,{word},{SPEAKERS[number % 3]}")
    manifest = folder / "data.csv"
    manifest.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return manifest


def configuration(manifest: Path, path: Path, runs: Path) -> Path:
    """A run of two epochs that explains a step, averages, and has statistics of its own."""
    path.write_text(
        f"output_dir: {runs}\n"
        f"data:\n  train: {{name: manifest, path: {manifest}}}\n  test: {{name: manifest, path: {manifest}}}\n"
        "  held_out: {by: hash, fraction: 0.3}\n"
        f"features: {{name: mfcc, sample_rate: {RATE}, normalise: global}}\n"
        "model: {name: gru, hidden_size: 4}\n"
        "clipping: {name: norm, threshold: {name: dynamic, quantile: 0.9}}\n"
        "training: {max_epochs: 2, batch_size: 8, average: 1, inject: [{step: 2, kind: nan_feature}], "
        "on_nonfinite: {gradient: skip, loss: skip, per_epoch: 1.0}}\n",
        encoding="utf-8",
    )
    return path


def call(folder: Path, *arguments: object) -> tuple[int, str]:
    """A command, in this process and this working folder: its exit code, and all that it printed."""
    printed = io.StringIO()
    with chdir(folder), redirect_stdout(printed), redirect_stderr(printed):
        code = main([str(argument) for argument in arguments])
    return code, printed.getvalue()


def trained(folder: Path) -> Path:
    """A scored run folder, and beside it ``data``, ``c.yaml``."""
    manifest = recordings(folder / "data")
    config = configuration(manifest, folder / "c.yaml", folder / "runs")
    run = folder / "run"
    for command in (("fit", config, "--output", run), ("eval", run), ("align", run)):
        code, printed = call(folder, *command)
        assert code == 0 or command[0] == "align", printed
    return run


def copied(run: Path, place: Path) -> Path:
    """The run once more, in a folder that may have been used."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(run, place, symlinks=True)
    return place
