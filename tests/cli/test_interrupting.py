"""Ctrl-C while speech is synthesised: obeyed, and nothing is left that changes what the next run makes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("espeakng_loader", reason="the extra `synthesis` is not installed")

PROGRAM = Path(__file__).parent / "interrupting.py"


@pytest.mark.slow
def test_interrupts_at_random_moments_are_obeyed_and_change_nothing(tmp_path: Path) -> None:
    """``interrupting.py`` takes any numbers; these are what a minute allows."""
    command = [sys.executable, str(PROGRAM), str(tmp_path), "7", "6", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for counts in json.loads(done.stdout).values():
        finished = counts.pop("finished", 0)
        obeyed, identical = counts.pop("obeyed"), counts.pop("identical afterwards")
        assert not counts
        assert obeyed + finished == identical
        assert obeyed > finished
