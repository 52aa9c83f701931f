"""Every kind of failure has its exit code and its sentence."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Run

import asrtrain.app
from asrtrain import __version__
from asrtrain.cli import main
from asrtrain.errors import (
    AsrtrainError,
    CheckpointError,
    DataError,
    Interrupted,
    TrainingError,
    UsageError,
)

ERRORS = [(UsageError, 2), (DataError, 3), (TrainingError, 4), (CheckpointError, 5), (Interrupted, 130)]
NO_PROBE = (
    ["--dry-run"],
    ["--resume", "never"],
    ["--output", "run"],
    ["--seed", "0"],
    ["--overfit", "1"],
    ["--nproc", "1"],
)


def failing(error: BaseException) -> object:
    def fit(*_: object, **__: object) -> None:
        raise error

    return fit


@pytest.mark.parametrize(("error", "code"), ERRORS)
def test_our_errors(error: type[AsrtrainError], code: int, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asrtrain.app, "fit", failing(error("one clear sentence")))
    assert run("fit", "x.yaml") == (code, "", "one clear sentence\n")


def test_an_unexpected_error_is_one_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asrtrain.app, "fit", failing(ZeroDivisionError("division by zero")))
    result = run("fit", "x.yaml")
    assert result.code == 1
    assert result.err == (
        "asrtrain: internal error: ZeroDivisionError: division by zero; run again with --debug to see where\n"
    )


def test_an_interrupt(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asrtrain.app, "fit", failing(KeyboardInterrupt()))
    assert run("fit", "x.yaml").code == 130


@pytest.mark.parametrize("where", ["before", "after", "environment"])
def test_debug_shows_the_traceback(
    where: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asrtrain.app, "fit", failing(DataError("one clear sentence")))
    if where == "environment":
        monkeypatch.setenv("ASRTRAIN_DEBUG", "1")
    line = {"before": ["--debug", "fit", "x"], "after": ["fit", "x", "--debug"], "environment": ["fit", "x"]}[where]
    assert main(line) == 3
    shown = capsys.readouterr().err
    assert shown.startswith("Traceback")
    assert shown.endswith("one clear sentence\n")


@pytest.mark.parametrize(
    ("line", "part"),
    [
        (["transcript", "x.wav"], "transcribe"),
        (["fit"], "CONFIG"),
        (["fit", "x.yaml", "--sed", "3"], "--seed"),
        (["fit", "x.yaml", "--seed", "three"], "--seed"),
        (["fit", "x.yaml", "--resume", "maybe"], "maybe"),
        (["eval", "--split", "tset"], "tset"),
        (["eval", "--format", "xml"], "xml"),
        (["eval", "--merge", "2", "--shard", "1/2"], "leave --shard and --nproc away"),
        *((["fit", "x.yaml", "--probe-memory", "1GB", *other], "--probe-memory trains no run") for other in NO_PROBE),
        (["transcribe"], "FILE"),
        (["fit", "x.yaml", "--nproc", "100000000"], "--nproc 100000000: so many processes need 10,000,000 GB"),
        (["compare", "x.yaml", "--jobs", "9" * 23], "start fewer; this machine has"),
        (["compare", "x.yaml", "--seeds", "9" * 23], "give 1 to 10,000"),
        (["data", "validate", "x.csv", "--fix", "all"], "all"),
    ],
)
def test_a_wrong_command_line(line: list[str], part: str, run: Run) -> None:
    result = run(*line)
    assert result.code == 2
    assert result.out == ""
    assert part in result.err


def test_a_launcher_s_variable_that_is_no_number_is_named(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = str(tmp_path / "c.yaml")
    assert run("config", "init", config).code == 0
    monkeypatch.setenv("WORLD_SIZE", "abc")
    result = run("fit", config, "--dry-run")
    assert result.code == 2
    assert "WORLD_SIZE is 'abc', and no number of processes: unset it" in result.err


def test_without_arguments_there_is_help(run: Run) -> None:
    result = run()
    assert result.code == 2
    assert "Usage:" in result.out + result.err


def test_version(run: Run) -> None:
    assert run("--version") == (0, f"asrtrain {__version__}\n", "")


def test_a_working_folder_that_is_gone_is_one_sentence(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    said = "the working folder has been deleted: change to one that is there\n"
    assert run("transcribe", "-") == (2, "", said)


def test_a_reader_that_went_away_ends_a_command_quietly() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.run(
        [sys.executable, "-m", "asrtrain", "data", "list"],
        check=False,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    assert process.stderr == ""
    assert process.returncode == 141


def test_an_output_that_is_something_else_is_one_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asrtrain.app, "fit", failing(NotADirectoryError(20, "Not a directory", "notes.txt/run")))
    assert run("fit", "x.yaml") == (2, "", "notes.txt/run: Not a directory\n")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
def test_a_full_or_read_only_disk_is_one_sentence(number: int, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asrtrain.app, "fit", failing(OSError(number, os.strerror(number), "runs/x")))
    assert run("fit", "x.yaml") == (2, "", f"runs/x: {os.strerror(number)}\n")
    monkeypatch.setattr(asrtrain.app, "fit", failing(OSError(number, os.strerror(number))))
    assert run("fit", "x.yaml") == (2, "", f"{os.strerror(number)}\n")


@pytest.mark.parametrize(("name", "meant"), [("train", "fit"), ("evaluate", "eval"), ("predict", "transcribe")])
def test_names_that_other_tools_have_for_a_command_are_answered_with_ours(name: str, meant: str, run: Run) -> None:
    result = run(name, "x")
    assert result.code == 2
    assert f"No such command '{name}'. Here it is called '{meant}'." in result.err
