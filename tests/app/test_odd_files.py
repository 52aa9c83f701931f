"""Devices, pipes and files of 20 GB where small files are expected: a sentence each, no time and no memory lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from asrtrain.config.schema import json_schema
from asrtrain.run_config import RunConfig

KINDS = ("device", "fifo", "sparse")
MOST = 200 << 10
"""KiB that all commands together may take beyond what the first one took."""

CONFIG = """\
data:
  train: {name: manifest, path: m.csv}
  held_out: {by: hash, fraction: 0.5}
features: {name: mfcc, sample_rate: 8000}
model: {name: softmax, frames: 8}
training: {max_epochs: 1, batch_size: 8}
"""
_CORPORA = ("an4", "common_voice", "fsdd", "librispeech", "mini_librispeech", "speech_commands", "yesno")
KEYS: dict[tuple[str, str], list[str]] = {
    ("RunConfig", "output_dir"): ["output_dir={odd}"],
    ("ManifestConfig", "path"): ["data.train={{name: manifest, path: {odd}}}"],
    ("ManifestConfig", "audio_root"): ["data.train={{name: manifest, path: r.csv, audio_root: {odd}}}"],
    ("ShardsConfig", "path"): ["data.train={{name: shards, path: {odd}}}"],
    ("SharConfig", "path"): ["data.train={{name: shar, path: {odd}}}"],
    ("HeldOutConfig", "list"): ["data.held_out={{by: list, list: {odd}}}"],
    ("NoiseConfig", "folder"): ["augmentation.noise={{probability: 1.0, folder: {odd}}}"],
    ("ReverberationConfig", "folder"): ["augmentation.reverberation={{probability: 1.0, folder: {odd}}}"],
    ("GMMHMMConfig", "lexicon"): ["model={{name: gmm_hmm, unit: phone, lexicon: {odd}}}"],
    ("DNNHMMConfig", "lexicon"): [
        "model={{name: dnn_hmm, unit: phone, acoustic: mlp, lexicon: {odd}, align_from: none}}"
    ],
    ("DNNHMMConfig", "align_from"): ["model={{name: dnn_hmm, acoustic: mlp, align_from: {odd}}}"],
    ("DNNHMMConfig", "start_from"): ["model={{name: dnn_hmm, acoustic: mlp, align_from: none, start_from: {odd}}}"],
    ("ArpaConfig", "path"): [
        "data.unit=word",
        "model={{name: gmm_hmm, language_model: {{name: arpa, path: {odd}}}}}",
    ],
    **{
        (f"{''.join(part.title() for part in name.split('_'))}Config", "folder"): [
            f"data.train={{{{name: {name}, folder: {{odd}}}}}}"
        ]
        for name in _CORPORA
    },
}
"""How each key that names a file or folder is set, by the section that has it."""
DRIVER = """\
import json, resource, sys, time
from asrtrain.cli import main
import contextlib, io
for line in sys.stdin:
    command, said = json.loads(line), io.StringIO()
    start = time.monotonic()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        code = main(command)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps([code, said.getvalue(), time.monotonic() - start, most]), flush=True)
"""


def file_keys() -> Iterator[tuple[str, str]]:
    """Every key of a configuration whose value is a path, with the section that has it."""
    schema = json_schema(RunConfig)
    for name, section in [("RunConfig", schema), *schema["$defs"].items()]:
        for key, value in section.get("properties", {}).items():
            if any(option.get("format") == "path" for option in [value, *value.get("anyOf", [])]):
                yield name.rpartition("__")[2].lower(), key


def test_every_key_that_names_a_file_is_tried() -> None:
    assert sorted(file_keys()) == sorted((name.lower(), key) for name, key in KEYS)


def odd(kind: str, path: Path) -> Path:
    """Something that is there and is no small file."""
    if kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        with path.open("wb") as file:
            file.truncate(20 << 30)
    return path


class Driver:
    """A process that runs one command after another."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder, text=True
        )

    def __call__(self, command: list[str]) -> list[Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(command), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Driver]:
    driver = Driver(tmp_path)
    yield driver
    driver.process.kill()
    driver.process.communicate()


@pytest.fixture
def place(tmp_path: Path, fsdd: Path) -> Path:
    rows = [f"{fsdd}/{digit}_theo_{number}.wav,{digit}" for digit in range(2) for number in range(4)]
    (tmp_path / "m.csv").write_text("\n".join(["audio,text", *rows, ""]), encoding="utf-8")
    (tmp_path / "r.csv").write_text("audio,text\na.wav,0\nb.wav,1\n", encoding="utf-8")
    (tmp_path / "c.yaml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("kind", KINDS)
def test_keys_that_name_what_is_no_small_file_end_in_a_sentence(kind: str, place: Path, driver: Driver) -> None:
    odd(kind, place / "odd")
    code, said, _, begun = driver(["fit", "c.yaml", "--dry-run"])
    assert code == 0, said
    for (section, key), settings in KEYS.items():
        changes = [part for text in settings for part in ("--set", text.format(odd="odd"))]
        command = ["fit", "c.yaml", *changes] + ([] if key == "output_dir" else ["--dry-run"])
        code, said, _, most = driver(command)
        assert code in (2, 3, 5), (section, key, said)
        assert most - begun < MOST, (section, key)


COMMANDS = [
    ["fit", "run/config.yaml", "--output", "run"],
    ["eval", "run"],
    ["transcribe", "one.wav", "--run", "run"],
    ["explain", "run", "--step", "2"],
    ["grads", "run"],
    ["report", "run"],
]


def files_of(run: Path) -> list[Path]:
    """A file of each name in a run folder, those of the newest checkpoints."""
    files = (path.relative_to(run) for path in sorted(run.rglob("*")) if path.is_file())
    apart = (name for name in files if "tensorboard" not in name.parts and name.suffix not in (".png", ".lock"))
    return [*sorted({name.name: name for name in apart}.values()), Path("nonfinite.jsonl")]


@pytest.mark.slow
def test_files_of_a_run_that_are_no_small_files_end_in_a_sentence(
    trained: Path, fsdd: Path, tmp_path: Path, driver: Driver
) -> None:
    run, whole, kinds = tmp_path / "run", tmp_path / "whole", cycle(KINDS)
    shutil.copytree(trained, run, symlinks=True)
    shutil.copyfile(fsdd / "7_theo_10.wav", tmp_path / "one.wav")
    begun = max(driver(command)[3] for command in COMMANDS)
    run.rename(whole)
    (whole / "outcome.json").unlink()
    for name in files_of(whole):
        read_by_all = name.name in ("config.yaml", "tokens.txt", "metrics.jsonl")
        for command in COMMANDS if read_by_all else COMMANDS[:2] + COMMANDS[-1:]:
            shutil.copytree(whole, run, symlinks=True)
            (run / name).unlink(missing_ok=True)
            odd(next(kinds), run / name)
            code, said, _, most = driver(command)
            shutil.rmtree(run)
            assert code in (0, 2, 3, 4, 5), (name, command, said)
            assert most - begun < MOST, (name, command)
