"""A ~ that the shell has not expanded is the user's folder wherever a command takes a path."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.cli.conftest import Run


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of the user that lies elsewhere than where commands run."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))


def test_an_argument_and_an_option_are_taken_home(run: Run, folder: Path, fsdd: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert run("config", "init", "~/a.yaml").code == 0
    assert (home / "a.yaml").is_file()
    (home / "runs").symlink_to(folder / "runs")
    shutil.copy(fsdd / "3_theo_0.wav", home / "a.wav")
    for arguments in (("~/runs/latest",), ("--run=~/runs/latest",)):
        assert run("grads", *arguments, "--plot=~/norms.png").code == 0
    assert (home / "norms.png").is_file()
    for name in ("~/a.wav", "~/*.wav"):
        result = run("transcribe", "--run=~/runs/latest", "--output-dir=~/texts", "--overwrite", name)
        assert (result.code, result.out) == (0, f"{home / 'texts' / 'a.txt'}\n")
    assert run("transcribe", "--run=~/nowhere", "~/a.wav").err.startswith(f"{home / 'nowhere'} is no run folder")
    assert not (tmp_path / "~").exists()


def test_lists_of_paths_and_places_in_the_environment_are_taken_home(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    for arguments in (("~/x",), ("--run=~/x",)):
        assert run("report", *arguments).err.startswith(f"{home / 'x'} is no run folder")
    assert f"{home / 'x'}: no such file" in run("data", "get", "fsdd", "--from=~/x", "--output=~/y").err
    (home / "corpora" / "fsdd").mkdir(parents=True)
    monkeypatch.setenv("ASRTRAIN_CORPORA", "~/corpora")
    assert f"in {home / 'corpora' / 'fsdd'}" in run("data", "list").out
    assert not (tmp_path / "~").exists()
