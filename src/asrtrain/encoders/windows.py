"""Inputs of a fixed size for models that know no time: an utterance in n frames, or a frame among its neighbours."""

from __future__ import annotations

from typing import final

import torch
from torch import nn


def time_normalise(features: torch.Tensor, lengths: torch.Tensor, frames: int) -> torch.Tensor:
    """Stretch or squeeze every utterance to ``frames`` frames by linear interpolation between its real ones.

    (B, T, F) and lengths (B,) to (B, ``frames``, F); the first and the last frame stay where they are.
    """
    last = (lengths - 1).clamp(min=0).unsqueeze(1)
    places = torch.linspace(0.0, 1.0, frames, device=features.device) * last
    below = places.long()
    above = torch.minimum(below + 1, last)
    share = (places - below).unsqueeze(2).to(features.dtype)
    return torch.lerp(_pick(features, below), _pick(features, above), share)


def splice(features: torch.Tensor, lengths: torch.Tensor, context: int) -> torch.Tensor:
    """Every frame with ``context`` neighbours on either side; the first and the last real one stand in beyond the ends.

    (B, T, F) and lengths (B,) to (B, T, (2 context + 1) F).
    """
    last = (lengths - 1).clamp(min=0).unsqueeze(1)
    here = torch.arange(features.shape[1], device=features.device).unsqueeze(0)
    shifts = range(-context, context + 1)
    return torch.cat([_pick(features, (here + shift).clamp(min=0).minimum(last)) for shift in shifts], dim=2)


def _pick(features: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Frames (B, T, F) at ``places`` (B, N): (B, N, F)."""
    return features[torch.arange(features.shape[0], device=features.device).unsqueeze(1), places]


@final
class Window(nn.Module):
    """The inputs of a timeless model: (B, T, F) to (B, 1, frames x F), or to (B, T, (2 context + 1) F) per frame."""

    def __init__(self, input_size: int, *, per_frame: bool, frames: int, context: int) -> None:
        super().__init__()
        self.per_frame = per_frame
        self.frames = frames
        self.context = context
        self.output_size = input_size * (2 * context + 1 if per_frame else frames)

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Gather the inputs."""
        if self.per_frame:
            return splice(features, lengths, self.context)
        return time_normalise(features, lengths, self.frames).flatten(1).unsqueeze(1)

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """How many frames come out: one for a whole utterance, and all of them otherwise."""
        return lengths if self.per_frame else lengths.clamp(max=1)
