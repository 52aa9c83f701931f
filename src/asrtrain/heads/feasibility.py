"""Which transcripts a sequence of scored frames can spell at all."""

from __future__ import annotations

import torch


def adjacent_repeats(targets: torch.Tensor, target_lengths: torch.Tensor) -> torch.Tensor:
    """How often a label equals the one before it: targets (B, L) and lengths (B,) to (B,) int64."""
    places = torch.arange(1, max(targets.shape[1], 1), device=targets.device)
    within = places < target_lengths.unsqueeze(1)
    return ((targets[:, 1:] == targets[:, :-1]) & within).sum(1)


def ctc_feasible(frames: torch.Tensor, targets: torch.Tensor, target_lengths: torch.Tensor) -> torch.Tensor:
    """Whether CTC can align each utterance, by arithmetic alone: (B,) bool.

    Each label takes a frame, and so does the blank that must part two equal neighbours: T' >= L + repeats
    (Graves et al., 2006, equation 3). Without a frame there is nothing to align, be it to the empty string.

    Args:
        frames: scored frames T' of each utterance, (B,).
        targets: labels (B, L), padded with anything.
        target_lengths: labels of each utterance, (B,).
    """
    needed = target_lengths + adjacent_repeats(targets, target_lengths)
    return frames >= needed.clamp(min=1)
