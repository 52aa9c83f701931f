"""What hybrids learn: the state of every frame, as an alignment has it.

Batches give ``states`` (B, S) int64, the aligned state of each frame of an utterance, and ``state_counts`` (B,), how
many there are. An utterance that could not be aligned has states of −1, or none.
"""

from __future__ import annotations

import torch
from torch.nn import functional

from asrtrain.heads.interface import at_least_float32
from asrtrain.types import Batch, Part, Scores

STATES, STATE_COUNTS = "states", "state_counts"


def frame_cross_entropy(scores: Scores, batch: Batch) -> Part:
    """The mean over an utterance's frames of −log softmax(logits)_state; logits (B, T, S).

    Where an utterance has more or fewer frames than were aligned, because it is spoken faster or slower here, its
    states are stretched evenly. One without an alignment does not count.
    """
    targets = _targets(scores, batch)
    aligned = targets >= 0
    right = at_least_float32(scores.logits).log_softmax(2).gather(2, targets.clamp(min=0)[:, :, None])[:, :, 0]
    sums = torch.where(aligned, -right, 0.0).sum(1)
    counted = aligned.any(1)
    return Part(torch.where(counted, sums / aligned.sum(1).clamp(min=1), 0.0), counted)


def _targets(scores: Scores, batch: Batch) -> torch.Tensor:
    """The state of every frame (B, T), −1 for those that do not count."""
    frames = torch.arange(scores.logits.shape[1], device=scores.logits.device)
    lengths = scores.lengths[:, None]
    counts = batch.given[STATE_COUNTS].to(lengths.device)[:, None]
    # One more, so that there is one where nothing could be aligned.
    given = functional.pad(batch.given[STATES].to(lengths.device), (0, 1), value=-1)
    places = (frames * counts // lengths.clamp(min=1)).clamp(max=given.shape[1] - 1)
    states = given.gather(1, places)
    return states.masked_fill((frames >= lengths) | (counts == 0), -1)
