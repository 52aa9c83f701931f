"""Which run a command is about: the one that is named, either way, or the newest."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import CONFIG, Run


@pytest.fixture
def config(fsdd: Path, tmp_path: Path) -> Path:
    (tmp_path / "words.yaml").write_text(CONFIG.format(fsdd=fsdd), encoding="utf-8")
    return tmp_path / "words.yaml"


def test_without_a_name_it_is_the_newest_run_wherever_that_lies(run: Run, config: Path, tmp_path: Path) -> None:
    for output in ("runs", "exp"):
        folder = run("fit", config, "--set", f"output_dir={output}").out.strip()
        assert (tmp_path / "runs" / "latest").resolve() == (tmp_path / folder).resolve()
        assert (tmp_path / output / "latest").resolve() == (tmp_path / folder).resolve()
        result = run("eval", "--split", "dev")
        assert f"the newest run: {(tmp_path / folder).resolve()}" in result.err
        assert f"details: {(tmp_path / folder).resolve() / 'results' / 'dev'}.txt" in result.err
        assert result.out.startswith("%ACC ")
    assert (tmp_path / "exp" / "latest" / "results" / "dev.json").is_file()


def test_a_place_for_the_name_that_cannot_be_written_ends_no_run(run: Run, config: Path, tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("in the way", encoding="utf-8")
    result = run("fit", config, "--set", "output_dir=exp")
    assert result.code == 0
    assert "runs/latest cannot be written" in result.err


@pytest.mark.parametrize("command", ["eval", "align", "grads", "explain"])
def test_a_run_may_be_named_by_an_option_too(run: Run, command: str, tmp_path: Path) -> None:
    for arguments in (("a",), ("--run", "a"), ("a", "--run", "./a")):
        result = run(command, *arguments)
        assert (result.code, result.err.strip()) == (5, result.err.strip())
        assert "a is no run folder" in result.err
    result = run(command, "a", "--run", "b")
    assert (result.code, result.err) == (2, "a and --run b are two runs: leave one of them out\n")


def test_runs_of_a_report_may_be_named_by_options_too(run: Run) -> None:
    for arguments, told in ((("--run", "b"), "b"), (("a", "--run", "b"), "a"), (("--run", "c", "--run", "b"), "c")):
        result = run("report", *arguments)
        assert result.code == 5
        assert result.err.startswith(f"{told} is no run folder")


def test_transcribe_takes_a_run_as_its_first_argument_too(run: Run, folder: Path, fsdd: Path, tmp_path: Path) -> None:
    recording, trained = fsdd / "3_theo_0.wav", folder / "runs" / "latest"
    by_option = run("transcribe", "--run", trained, recording)
    assert by_option.code == 0
    assert run("transcribe", trained, recording) == by_option
    assert run("transcribe", trained, recording, "--run", trained) == by_option
    (tmp_path / "other" / "checkpoints").mkdir(parents=True)
    (tmp_path / "other" / "config.yaml").touch()
    result = run("transcribe", trained, recording, "--run", "other")
    assert (result.code, result.err) == (2, f"{trained} and --run other are two runs: leave one of them out\n")
    result = run("transcribe", trained)
    assert (result.code, result.err) == (2, f"{trained} is a run folder: name recordings after it\n")


def test_a_folder_of_recordings_is_no_run_whatever_else_lies_in_it(run: Run, folder: Path, fsdd: Path) -> None:
    Path("sounds").mkdir()
    Path("sounds", "config.yaml").touch()
    Path("sounds", "3.wav").symlink_to(fsdd / "3_theo_0.wav")
    result = run("transcribe", "sounds", "--run", folder / "runs" / "latest")
    assert (result.code, len(result.out.splitlines())) == (0, 1)
    # Second to another, a run folder is a folder: all recordings in it are meant, and it has none.
    result = run("transcribe", "sounds", folder / "runs" / "latest")
    assert result.code == 3
    assert "no recording there" in result.err
