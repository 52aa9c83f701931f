"""Versions of asrtrain: folders that hold one, or revisions of this repository, checked out for the while."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def checked_out(version: str, place: Path) -> Iterator[Path]:
    """The folder of a version; a revision is checked out in ``place``, until the end. Raises RuntimeError."""
    if (Path(version) / "src" / "asrtrain").is_dir():
        yield Path(version).resolve()
        return
    _git("worktree", "add", "--detach", "--quiet", str(place), version)
    try:
        yield place
    finally:
        _git("worktree", "remove", "--force", str(place))


def _git(*arguments: str) -> None:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"git {' '.join(arguments)}: {done.stderr.strip()}")
