"""Numbers that reports are full of; making them anew at every step takes longer than all arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import final

import torch


@final
@dataclass(frozen=True, slots=True)
class Constants:
    """Tensors () on one device, of float64, bool and int64; nobody changes them."""

    zero: torch.Tensor
    one: torch.Tensor
    infinite: torch.Tensor
    nan: torch.Tensor
    false: torch.Tensor
    true: torch.Tensor
    first: torch.Tensor
    nowhere: torch.Tensor


@cache
def constants(device: torch.device) -> Constants:
    """The constants of a device."""
    numbers = torch.tensor([0.0, 1.0, float("inf"), float("nan")], dtype=torch.float64, device=device).unbind()
    flags = torch.tensor([False, True], device=device).unbind()
    places = torch.tensor([0, -1], device=device).unbind()
    return Constants(*numbers, *flags, *places)


@cache
def whole(number: int) -> torch.Tensor:
    """A number of utterances, or of a tensor among others: () int64 on the host, and nobody changes it."""
    return torch.tensor(number)
