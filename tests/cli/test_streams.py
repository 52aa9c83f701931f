"""Standard output and standard error in every state that a shell can leave them in."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asrtrain.cli import main

ASRTRAIN = f"{sys.executable} -m asrtrain"
COMMANDS = ("\x1b]0;mine\x07", "\x1b[31m", "\x9b2J", "\u202e", "\r")
RATE = 8000


def shell(line: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command line in bash, with ``A`` for the program; stdout holds what is still open."""
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        cwd=folder,
        env={**os.environ, "A": ASRTRAIN, "ASRTRAIN_CACHE": str(folder / "cache"), **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two words, the name of one of which is full of what a terminal obeys, and a configuration."""
    folder = tmp_path_factory.mktemp("words")
    rows = []
    for number, word in enumerate(["low" + "".join(COMMANDS[:4]), "high"]):
        for index in range(8):
            path = folder / f"{number}-{index}.wav"
            wave = np.sin(2 * np.pi * (400 + 1200 * number + 20 * index) * np.arange(RATE // 4) / RATE)
            soundfile.write(path, 0.3 * wave, RATE)
            rows.append([path, word])
    with (folder / "words.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["audio", "text"], *rows])
    (folder / "run.yaml").write_text(
        "data: {train: {name: manifest, path: words.csv}, held_out: {by: hash, fraction: 0.3},"
        " test: {name: manifest, path: words.csv}}\n"
        "features: {name: mfcc, sample_rate: 8000}\nmodel: {name: softmax, frames: 8}\n"
        "training: {max_epochs: 2, batch_size: 4}\n"
    )
    done = shell("$A fit run.yaml --output straight", folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "straight\n"
    return folder


ENCODINGS = [
    {"PYTHONIOENCODING": "ascii"},
    pytest.param({"PYTHONIOENCODING": "cp1252"}, marks=pytest.mark.slow),
    pytest.param({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, marks=pytest.mark.slow),
]


@pytest.mark.parametrize("environment", ENCODINGS)
def test_output_that_cannot_be_encoded_is_escaped(environment: dict[str, str], tmp_path: Path) -> None:
    done = shell("$A clip show norm && $A clip show norm --format json > card.json", tmp_path, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("norm ")
    assert json.loads((tmp_path / "card.json").read_text("latin-1"))["name"] == "norm"


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("$A data list > /dev/full", 2, "standard output: No space left on device\n"),
        ("$A data list >&-", 2, "standard output: Bad file descriptor\n"),
        ("$A data list >&- 2>&- <&-", 2, ""),
        ("$A data list 2>&-", 0, ""),
        ("$A data list 2>/dev/full", 0, ""),
        ("$A data stats nothing.csv 2>/dev/full", 3, ""),
        ("$A data stats nothing.csv 2>&-", 3, ""),
    ],
)
def test_lost_results_are_told_and_lost_messages_change_nothing(
    line: str, code: int, said: str, tmp_path: Path
) -> None:
    done = shell(line, tmp_path)
    assert (done.returncode, done.stderr) == (code, said)


def test_a_reader_that_has_enough_ends_a_command_quietly(words: Path) -> None:
    done = shell("{ sleep 0.2; $A eval straight; echo $? >&2; } | true", words)  # which has ended when it is written to
    assert done.stderr.endswith("141\n")
    assert "Traceback" not in done.stderr and "Error" not in done.stderr


READERS = ["2>&1 | true", ">&- 2>&-"]
OTHERS = ["2>&-", "2>/dev/full", ">/dev/full 2>&1", "2>&1 | head -1"]


@pytest.mark.parametrize("rest", [*READERS, *(pytest.param(rest, marks=pytest.mark.slow) for rest in OTHERS)])
def test_training_ends_as_it_would_whoever_reads(rest: str, words: Path, tmp_path: Path) -> None:
    done = shell(f"{{ $A fit run.yaml --output {tmp_path}/run; echo $? > {tmp_path}/code; }} {rest}", words)
    assert (tmp_path / "code").read_text() == "0\n", done.stderr
    for weights in (words / "straight").glob("checkpoints/*/model.safetensors"):
        assert (tmp_path / "run" / weights.relative_to(words / "straight")).read_bytes() == weights.read_bytes()
    assert _log(tmp_path / "run") == _log(words / "straight")


def _log(run: Path) -> list[str]:
    """The lines without the times."""
    lines = (run / "log.txt").read_text(encoding="utf-8").splitlines()
    return [line[21:].rsplit("  ", 1)[0] if "epoch" in line else line[21:] for line in lines]


def test_the_log_says_what_was_said_before_it_began_and_what_ended_the_run(words: Path, tmp_path: Path) -> None:
    said = "\n".join(_log(words / "straight"))
    assert "usable utterances" in said
    fault = "training.inject=[{step: 3, kind: nan, where: {module: heads.cross_entropy.output.linear}}]"
    done = shell(f"$A fit run.yaml --output {tmp_path}/run --set '{fault}'", words)
    assert done.returncode == 4, done.stderr
    assert done.stderr.strip().splitlines()[-1] in "\n".join(_log(tmp_path / "run"))


@pytest.mark.parametrize(
    "line",
    [
        "data validate words.csv",
        "data stats words.csv",
        "data stats words.csv --format json",
        "eval straight",
        "transcribe 0-1.wav --run straight",
        "transcribe 0-1.wav --run straight --format json",
        "fit a\x1b[31m\u202e.yaml",
        "fit run.yaml --set a\x1b[31m\u202e=3",
        "transcribe a\x1b[31m\u202e.wav --run straight",
    ],
)
def test_no_label_and_no_name_commands_the_terminal(
    line: str, words: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(words)
    monkeypatch.setenv("ASRTRAIN_CACHE", str(words / "cache"))
    main(line.split(" "))
    shown = "".join(capsys.readouterr())
    assert shown
    assert not {*"".join(COMMANDS)} & {"\x1b", "\x07", "\x9b", "\u202e", "\r"} & {*shown}


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_what_is_said_is_there_at_once_and_outlives_a_kill(unbuffered: str, tmp_path: Path) -> None:
    """Also with PYTHONUNBUFFERED, which containers set, and which ends Python's own buffering by lines."""
    code = (
        "import os; from asrtrain.cli.streams import prepared; from asrtrain.terminal import say\n"
        "with prepared(): say('epoch 1'); os.kill(os.getpid(), 9)"
    )
    done = shell(f'{sys.executable} -c "{code}"', tmp_path, PYTHONUNBUFFERED=unbuffered)
    assert done.stderr == "epoch 1\n"
