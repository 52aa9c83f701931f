"""A disk that refuses: one sentence and exit code 4; nothing that was saved is lost, and the next start is exact."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from training_recipe import result_of, run

from asrtrain.errors import TrainingError
from asrtrain.training.checkpoint import load_training

CALLS: list[tuple[Any, str]] = [(os, "fsync"), (Path, "replace"), (Path, "mkdir"), (Path, "symlink_to")]


def refuse(monkeypatch: pytest.MonkeyPatch, number: int, error: int, *, for_ever: bool) -> Callable[[], int]:
    """Let call ``number`` (and all after it) fail; returns how to ask for the number of calls made."""
    made = 0

    def failing(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            nonlocal made
            made += 1
            if made == number or (for_ever and made > number):
                raise OSError(error, os.strerror(error))
            return call(*args, **kwargs)

        return wrapper

    for owner, name in CALLS:
        monkeypatch.setattr(owner, name, failing(getattr(owner, name)))
    return lambda: made


def check(number: int, error: int, for_ever: bool, straight: Path, cache: Path, fsdd: Path, folder: Path) -> bool:
    """Let one call fail, then continue; returns whether so many calls were made."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        made = refuse(monkeypatch, number, error, for_ever=for_ever)
        try:
            run(folder, cache, fsdd)
        except TrainingError as caught:
            assert caught.exit_code == 4
            assert os.strerror(error) in str(caught)
            assert "run the same command again" in str(caught)
        else:
            assert made() < number
            return False
    for checkpoint in sorted((folder / "checkpoints").glob("last-*/manifest.json")):
        load_training(checkpoint.parent)
    run(folder, cache, fsdd)
    assert not list(folder.rglob("*.partial"))
    assert result_of(folder) == result_of(straight)
    return True


@pytest.mark.parametrize(
    ("number", "error", "for_ever"),
    [(1, errno.EACCES, True), (4, errno.ENOSPC, False), (13, errno.ENOSPC, True), (28, errno.EIO, False),
     (61, errno.EDQUOT, True), (110, errno.ENOSPC, False)],
)  # fmt: skip
def test_a_call_that_fails_costs_no_more_than_the_time_since_the_last_save(
    number, error, for_ever, straight, cache, fsdd, tmp_path
):
    assert check(number, error, for_ever, straight, cache, fsdd, tmp_path / "run")


@pytest.mark.slow
@pytest.mark.parametrize("for_ever", [False, True])
def test_no_call_that_fails_costs_more(for_ever, straight, cache, fsdd, tmp_path):
    number = 1
    while check(number, errno.ENOSPC, for_ever, straight, cache, fsdd, tmp_path / str(number)):
        number += 1
    assert number > 100


@pytest.mark.usefixtures("straight")  # what it has cached is not written again, wherever this test runs
def test_the_sentence_names_file_and_size(cache, fsdd, tmp_path):
    with pytest.MonkeyPatch.context() as monkeypatch:
        refuse(monkeypatch, 12, errno.ENOSPC, for_ever=True)
        with pytest.raises(TrainingError, match=r"checkpoints/.*\([\d,]+ bytes\) cannot be written: No space left"):
            run(tmp_path, cache, fsdd)


def test_a_run_folder_that_cannot_be_made_is_one_sentence(cache, fsdd, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(TrainingError, match="file/run cannot be written: Not a directory"):
        run(tmp_path / "file" / "run", cache, fsdd)
