"""Which places of a padded batch are real."""

from __future__ import annotations

import torch


def real(lengths: torch.Tensor, size: int) -> torch.Tensor:
    """(B, size) bool: True before each length."""
    return torch.arange(size, device=lengths.device) < lengths[:, None]


def clear_beyond(values: torch.Tensor, lengths: torch.Tensor) -> None:
    """Make (B, T, F) zero beyond each length, whatever was there, and touch nothing before the shortest length."""
    shortest = int(lengths.min())
    if shortest < values.shape[1]:
        tails = values[:, shortest:]
        tails.masked_fill_(~real(lengths - shortest, tails.shape[1])[:, :, None], 0.0)


def zero_beyond(values: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """(B, S) to the same with zeros beyond each length, whatever was there: infinities and NaNs too."""
    return values.masked_fill(~real(lengths, values.shape[1]), 0.0)
