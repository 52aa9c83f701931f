"""What every test may ask for: the real speech, and a quiet, deterministic machine."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
# A shell that starts the tests in the background has them ignore Ctrl-C, and all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent
CORPORA = Path(os.environ.get("ASRTRAIN_CORPORA", ROOT.parent / "shared" / "corpora"))
os.environ["ASRTRAIN_CORPORA"] = str(CORPORA)


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of real speech; a test that needs it is skipped, and says so, where it is absent."""
    if not CORPORA.is_dir():
        pytest.skip(f"no real speech at {CORPORA}: set ASRTRAIN_CORPORA")
    return CORPORA


@pytest.fixture(scope="session")
def fsdd(corpora: Path) -> Path:
    """The recordings of the Free Spoken Digit Dataset: ``{digit}_{speaker}_{index}.wav``, 8 kHz."""
    recordings = corpora / "fsdd" / "recordings"
    if not recordings.is_dir():
        pytest.skip(f"no FSDD at {recordings}: set ASRTRAIN_CORPORA")
    return recordings
