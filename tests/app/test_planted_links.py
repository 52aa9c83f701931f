"""A run folder from elsewhere may hold links: whatever is done with it, nothing outside of it is written."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from asrtrain.cli import main

LOGS = {"metrics.jsonl", "metrics.csv", "log.txt", "nonfinite.jsonl"}
"""What is appended to cannot be replaced: a link there is refused."""


def commands(run: Path, recording: Path, place: Path) -> list[list[str]]:
    """Everything that writes into a run folder, or reads it."""
    return [
        ["fit", str(run / "config.yaml"), "--output", str(run), "--device", "cpu"],
        ["eval", str(run)],
        ["eval", str(run), "--split", "dev", "--checkpoint", "last"],
        ["transcribe", str(recording), "--run", str(run), "--output-dir", str(place / "texts"), "--overwrite"],
        ["explain", str(run), "--step", "2"],
        ["report", str(run), "--output", str(place / "report.html")],
        ["grads", str(run)],
    ]


def unfinished_copy(trained: Path, run: Path) -> Path:
    shutil.copytree(trained, run, symlinks=True)
    (run / "outcome.json").unlink()
    return run


@pytest.fixture(scope="session")
def names(trained: Path, fsdd: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Every name that a run folder has, once everything was done with it; folders before what is in them."""
    place = tmp_path_factory.mktemp("names")
    run = unfinished_copy(trained, place / "run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASRTRAIN_CACHE", str(cache))
        patch.chdir(place)  # where runs/latest is pointed to the run
        for command in commands(run, fsdd / "7_theo_10.wav", place):
            assert main(command) == 0, command
    found = sorted(path.relative_to(run) for path in run.rglob("*"))
    assert Path("results") in found
    assert Path("explain") in found
    return [*found, Path(".lock"), *(name.with_name(f".{name.name}.partial") for name in found)]


def everything_below(folder: Path) -> dict[str, bytes]:
    """The content of every file, and the name of every folder."""
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in sorted(folder.rglob("*"))}


def plant(run: Path, names: list[Path], outside: Path, chosen: Callable[[Path], bool]) -> Iterator[Path]:
    """Move what has a chosen name out of the run folder, and put a link in its place."""
    for number, name in enumerate(name for name in names if chosen(name)):
        place, target = run / name, outside / str(number)
        if place.is_symlink() or not place.parent.is_dir() or place.parent.resolve() != run / name.parent:
            continue
        if place.exists():
            place.rename(target)
        elif place.suffix or place.name.startswith("."):
            target.write_text("mine")
        else:
            target.mkdir()
        place.symlink_to(target)
        yield place


@pytest.mark.parametrize(
    "chosen",
    [
        pytest.param(lambda name: bool(name.suffix or name.name.startswith(".")), id="files"),
        pytest.param(
            lambda name: bool(name.suffix or name.name.startswith(".")) and name.name not in LOGS, id="files but logs"
        ),
        pytest.param(lambda name: len(name.parts) == 1, id="folders"),
        pytest.param(lambda name: name.parts[0] == "checkpoints" and len(name.parts) == 2, id="checkpoints"),
    ],
)
def test_nothing_is_written_through_a_link(
    chosen: Callable[[Path], bool],
    names: list[Path],
    trained: Path,
    fsdd: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    outside = tmp_path / "outside"
    outside.mkdir()
    run = unfinished_copy(trained, tmp_path / "run")
    planted = list(plant(run, names, outside, chosen))
    assert planted
    before = everything_below(outside)
    for command in commands(run, fsdd / "7_theo_10.wav", tmp_path):
        code = main(command)
        said = capsys.readouterr().err
        assert code != 1, said
        assert everything_below(outside) == before, command
