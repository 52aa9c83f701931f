"""How much memory training takes, as a line over the seconds of audio in a batch."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import torch

from asrtrain.errors import UsageError
from asrtrain.types import Seconds

SAFE = 0.9
"""The share of the memory that is filled: batches differ, and validation, other programs and the system want some."""
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}


@final
@dataclass(frozen=True, slots=True)
class Weighing:
    """The peak of a training step: bytes of the whole process, or of the GPU, with so many seconds of padded audio."""

    seconds: Seconds
    peak: int


@final
@dataclass(frozen=True, slots=True)
class Extrapolation:
    """The line through two weighings, and a third that says how good it is.

    ``error`` is by how much the line misses what the third one found above the smallest, as a share of that.
    """

    base: float
    per_second: float
    error: float
    budget: int

    @property
    def seconds(self) -> Seconds:
        """The most padded audio that fits: ``training.batch_seconds``. Raises UsageError if none does."""
        found = (SAFE * self.budget - self.base) / self.per_second
        if found <= 0:
            raise UsageError(
                f"{self.budget / 1e9:.2f} GB of memory are too few: this configuration takes {self.base / 1e9:.2f} GB "
                "before it has seen a second of audio"
            )
        return found

    def to_text(self) -> str:
        """Three lines."""
        return (
            f"memory: {self.base / 1e6:.0f} MB and {self.per_second / 1e6:.1f} MB for every second of padded audio "
            f"(a third batch is {100 * self.error:.0f} % off that)\n"
            f"{100 * SAFE:.0f} % of {self.budget / 1e9:.2f} GB hold batches of {self.seconds:.0f} seconds:\n"
            f"training.batch_seconds: {math.floor(10 * self.seconds) / 10}"
        )

    def to_json(self) -> dict[str, Any]:
        """The same figures by name."""
        return {
            "base_bytes": self.base,
            "bytes_per_second": self.per_second,
            "error": self.error,
            "budget_bytes": self.budget,
            "batch_seconds": self.seconds,
        }


def extrapolate(weighings: Sequence[Weighing], budget: int) -> Extrapolation:
    """From three weighings, smallest first: the line through the first and the last, checked by the one between."""
    first, between, last = weighings
    slope = (last.peak - first.peak) / (last.seconds - first.seconds)
    if slope <= 0:
        raise UsageError(
            f"memory does not grow from batches of {first.seconds:.0f} seconds to batches of {last.seconds:.0f}: any "
            "of these sizes will do, and larger ones cannot be foretold"
        )
    expected = first.peak + slope * (between.seconds - first.seconds)
    error = abs(between.peak - expected) / (last.peak - first.peak)
    return Extrapolation(first.peak - slope * first.seconds, slope, error, budget)


def peak_memory(device: torch.device) -> int:
    """The most that this process has ever held, in bytes; on a GPU, the most that it has held there."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found is not None
    return 1024 * int(found[1])


def available_memory(device: torch.device) -> int:
    """Bytes that a program may take now, without making others swap. Raises UsageError where nobody says."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        found = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(encoding="ascii"))
    except OSError:
        found = None
    if found is None:
        raise UsageError("this system does not say how much memory is free, or used: memory is weighed on Linux")
    return min(1024 * int(found[1]), _allowed())


def _allowed() -> int:
    """What the container may still take: control groups, version 2."""
    folder = Path("/sys/fs/cgroup")
    try:
        limit = (folder / "memory.max").read_text(encoding="ascii").strip()
        used = int((folder / "memory.current").read_text(encoding="ascii"))
    except OSError:
        return 1 << 62
    return 1 << 62 if limit == "max" else max(0, int(limit) - used)


def parse_size(text: str) -> int:
    """``4GB``, ``512M``, ``1.5G`` or bytes. Raises UsageError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]?)B?", text.strip(), re.IGNORECASE)
    if found is None:
        raise UsageError(f"{text!r} is no amount of memory: write for example 4GB or 512MB")
    return int(float(found[1]) * _UNITS[found[2].upper()])
