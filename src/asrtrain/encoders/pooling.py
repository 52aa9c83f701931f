"""From the frames of an utterance to one vector, over real frames only."""

from __future__ import annotations

from collections.abc import Callable

import torch

from asrtrain.encoders.masking import frame_mask, zero_padding
from asrtrain.encoders.settings import PoolingKind

Pooling = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def mean_frame(frames: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """The mean over time: (B, T, H) and lengths (B,) to (B, H); zeros for an utterance without frames."""
    return zero_padding(frames, lengths).sum(1) / lengths.clamp(min=1).unsqueeze(1)


def max_frame(frames: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """The maximum over time, (B, T, H) to (B, H); the first frame for an utterance without frames."""
    mask = frame_mask(lengths.clamp(min=1), frames.shape[1])
    return frames.masked_fill(~mask.unsqueeze(2), torch.finfo(frames.dtype).min).amax(1)


def last_frame(frames: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """The last real frame, (B, T, H) to (B, H)."""
    return frames[torch.arange(frames.shape[0], device=frames.device), (lengths - 1).clamp(min=0)]


POOLINGS: dict[PoolingKind, tuple[Pooling, ...]] = {
    "mean": (mean_frame,),
    "max": (max_frame,),
    "last": (last_frame,),
    "mean+max": (mean_frame, max_frame),
    "mean+last": (mean_frame, last_frame),
}


def pool(kind: PoolingKind, frames: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """(B, T, H) to (B, H x ``pooled_parts``): the parts of ``mean+max`` and the like stand side by side."""
    return torch.cat([part(frames, lengths) for part in POOLINGS[kind]], dim=1)


def pooled_parts(kind: PoolingKind) -> int:
    """How many vectors stand side by side after pooling."""
    return len(POOLINGS[kind])
