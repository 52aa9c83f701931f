"""Which frames are real, and how many are left after subsampling."""

from __future__ import annotations

import torch


def frame_mask(lengths: torch.Tensor, frames: int) -> torch.Tensor:
    """True for real frames, False for padding: lengths (B,) to (B, ``frames``)."""
    return torch.arange(frames, device=lengths.device) < lengths.unsqueeze(1)


def subsampled(lengths: torch.Tensor, factor: int) -> torch.Tensor:
    """How many frames are left when every ``factor`` become one and the last may be incomplete: ceil(T / factor)."""
    return (lengths + factor - 1) // factor


def zero_padding(frames: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """The same frames (B, T, H) with zeros beyond each length."""
    return frames.masked_fill(~frame_mask(lengths, frames.shape[1]).unsqueeze(2), 0.0)
