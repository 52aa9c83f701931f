"""One writer a run folder, among real processes that are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from asrtrain.errors import TrainingError, UsageError
from asrtrain.training.lock import exclusive, is_held

HOLDING = """
import sys, time
from pathlib import Path
from asrtrain.training.lock import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@contextmanager
def held_elsewhere(folder: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([sys.executable, "-c", HOLDING, str(folder)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_folder_is_held_until_its_process_is_killed(tmp_path: Path) -> None:
    assert not is_held(tmp_path)
    assert list(tmp_path.iterdir()) == [], "asking leaves nothing behind"
    with held_elsewhere(tmp_path) as process:
        assert is_held(tmp_path)
        with pytest.raises(UsageError, match="another process is training in"), exclusive(tmp_path):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not is_held(tmp_path)
        with exclusive(tmp_path):
            assert is_held(tmp_path)
    assert not is_held(tmp_path)


def test_who_may_only_read_is_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root permissions mean nothing, so opening for writing is refused here as the system would."""
    real = os.open

    def refusing(path: str, flags: int, mode: int = 0o777) -> int:
        if flags & (os.O_RDWR | os.O_WRONLY):
            raise PermissionError(13, "Permission denied", path)
        return real(path, flags, mode)

    with held_elsewhere(tmp_path) as process:
        monkeypatch.setattr(os, "open", refusing)
        assert is_held(tmp_path)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not is_held(tmp_path)


def test_a_child_process_does_not_keep_the_folder(tmp_path: Path) -> None:
    held = exclusive(tmp_path)
    held.__enter__()
    child = subprocess.Popen(["sleep", "60"], close_fds=False)
    try:
        held.__exit__(None, None, None)
        assert not is_held(tmp_path)
    finally:
        child.kill()
        child.wait()


def test_a_link_in_place_of_the_lock_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TrainingError, match="nothing is written through links"), exclusive(tmp_path):
        pass
    assert not (tmp_path / "elsewhere").exists()
