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
