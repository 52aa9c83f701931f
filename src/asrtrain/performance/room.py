"""Whether a model fits into memory at all, asked before any of it is taken."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import torch
from torch import nn

from asrtrain.config import Config
from asrtrain.errors import UsageError
from asrtrain.performance.memory import available_memory

_USUAL = 4096
"""Settings of models up to here make none that is too large to be built; a look costs a second of imports."""

_USUAL_OUTPUTS = 1 << 16
_MOST = 1 << 62
_NOWHERE = "model: it is too large for any computer; choose smaller sizes"


def check_room(settings: Sequence[Config], outputs: int, build: Callable[[], nn.Module], device: torch.device) -> None:
    """Raise UsageError if the weights of the model with these settings are more than there is memory for.

    It is built without memory, on PyTorch's device ``meta``.
    """
    numbers = map(int, re.findall(r"\d+", " ".join(one.model_dump_json() for one in settings)))
    if max(numbers, default=0) <= _USUAL and outputs <= _USUAL_OUTPUTS:
        return
    try:
        with torch.device("meta"):
            network = build()
    except NotImplementedError:  # it computes with what it makes
        return
    except RuntimeError as error:  # more bytes than can be counted
        raise UsageError(_NOWHERE) from error
    check_bytes(sum(one.numel() * one.element_size() for one in [*network.parameters(), *network.buffers()]), device)


def check_bytes(needed: int, device: torch.device) -> None:
    """Raise UsageError if a model needs more bytes than are free, where this system says so."""
    if needed > _MOST:
        raise UsageError(_NOWHERE)
    try:
        free = available_memory(device)
    except UsageError:  # this system does not say
        return
    if needed > free:
        raise UsageError(
            f"model: its weights need {needed / 1e9:,.1f} GB, and {free / 1e9:.1f} GB are free; choose smaller sizes"
        )
