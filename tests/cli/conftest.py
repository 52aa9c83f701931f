"""The command line, run in this process."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from asrtrain.cli import main

CONFIG = """\
data:
  train: {{name: fsdd, folder: {fsdd}, split: train, speakers: [theo, jackson]}}
  test: {{name: fsdd, folder: {fsdd}, split: test, speakers: [theo, jackson]}}
features: {{name: mfcc, sample_rate: 8000}}
model: {{name: softmax}}
training: {{max_epochs: 1, batch_size: 64}}
"""


class Result(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings read once for all tests of this folder."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, fsdd: Path, cache: Path) -> Path:
    """A working directory in which one run was trained by ``asrtrain fit``; nobody changes it."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "words.yaml").write_text(CONFIG.format(fsdd=fsdd), encoding="utf-8")
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.chdir(folder)
        patch.setenv("ASRTRAIN_CACHE", str(cache))
        assert main(["fit", "words.yaml", "--set", "optimizer.lr=1e-2", "--seed", "5", "--device", "cpu"]) == 0
    (folder / "printed.txt").write_text(printed.getvalue(), encoding="utf-8")
    return folder


@pytest.fixture
def run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Run]:
    """Runs a command line in an empty working directory; no command may ever show a traceback unasked."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASRTRAIN_CACHE", str(cache))
    monkeypatch.delenv("ASRTRAIN_DEBUG", raising=False)

    def run(*arguments: object) -> Result:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Result(code, captured.out, captured.err)

    return run
