"""File names that hold line breaks and what a terminal obeys are shown on one line, wherever they come from."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.cli.conftest import Run

BREAK, COMMAND = "a\nb\t", "c\x1b[31m"
SHOWN = r"a\nb\t"


@pytest.fixture
def sounds(fsdd: Path, tmp_path: Path) -> Path:
    """A recording and what is none, in a folder; both names are broken."""
    folder = tmp_path / "sounds"
    (folder / f"{BREAK}{COMMAND}").mkdir(parents=True)
    shutil.copy(fsdd / "3_theo_0.wav", folder / f"{BREAK}{COMMAND}" / f"{BREAK}.wav")
    (folder / f"{BREAK}junk.wav").write_text("junk", encoding="utf-8")
    return folder


def lines(text: str) -> list[str]:
    assert "\x1b" not in text
    return text.splitlines()


def test_names_of_recordings_that_are_transcribed(run: Run, folder: Path, sounds: Path) -> None:
    trained = folder / "runs" / "latest"
    result = run("transcribe", "--run", trained, "sounds", "--output-dir", f"texts{BREAK}")
    assert lines(result.out) == [rf"texts{SHOWN}/{SHOWN}c\x1b[31m/{SHOWN}.txt"]
    told = lines(result.err)
    assert len(told) == 2
    assert told[0].startswith(rf"sounds/{SHOWN}junk.wav: not a WAV")
    result = run("transcribe", trained, sounds / f"{BREAK}junk.wav")
    assert len(lines(result.err)) == 1
    assert rf"{SHOWN}junk.wav: not a WAV" in result.err


def test_names_of_the_command_line_and_of_manifests(run: Run, sounds: Path) -> None:
    assert lines(run("eval", f"--run={BREAK}").err) == [
        rf"{SHOWN} is no run folder (it has no config.yaml); give the folder that asrtrain fit printed"
    ]
    assert lines(run("config", "init", f"{BREAK}.yaml").out) == [f"{SHOWN}.yaml"]
    assert lines(run("config", "check", f"{BREAK}.yaml").out) == [f"{SHOWN}.yaml: no mistakes"]
    result = run("data", "validate", "sounds")
    assert all(line.startswith(("sounds: 0", "error: ", f"  sounds/{SHOWN}")) for line in lines(result.out))


def test_a_word_of_white_space_alone_changes_no_message(run: Run) -> None:
    result = run("eval", "nowhere", "--data", "\n", "--split", "\n")
    assert result.code == 2
    assert len(result.err.splitlines()) > 1
