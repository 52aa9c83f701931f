"""Real speech as the front end gets it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from waveforms import RATE

from asrtrain.data.audio import read_audio


@pytest.fixture(scope="session")
def speech(fsdd: Path) -> list[torch.Tensor]:
    """Forty digits of all six speakers, of very different lengths."""
    return [torch.from_numpy(read_audio(path, RATE).samples) for path in sorted(fsdd.glob("*.wav"))[::75]]
