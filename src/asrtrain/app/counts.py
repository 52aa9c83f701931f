"""How many processes may be started: before any of them asks for memory."""

from __future__ import annotations

import os
from contextlib import suppress

import torch

from asrtrain.errors import UsageError
from asrtrain.performance.memory import available_memory

_LEAST = 100_000_000
"""Bytes that a process takes for Python and PyTorch alone, what it shares with others not counted."""


def check_count(option: str, count: int) -> None:
    """Raise UsageError, which names the option, for fewer processes than one, and for more than there is memory for."""
    if count < 1:
        raise UsageError(f"{option} {count}: give the number of processes, 1 or more")
    free = count * _LEAST
    with suppress(UsageError):  # this system does not say
        free = available_memory(torch.device("cpu"))
    if count > 1 and count * _LEAST > free:
        raise UsageError(
            f"{option} {count}: so many processes need {count * _LEAST / 1e9:,.0f} GB or more, and {free / 1e9:.1f} GB "
            f"are free: start fewer; this machine has {os.cpu_count()} processors"
        )
