"""The objective of hybrids: the state of every frame, as an alignment has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch

from asrtrain.objectives.interface import Losses, Objective
from asrtrain.objectives.precision import at_least_float32
from asrtrain.types import Batch, Scores


@final
class FrameCrossEntropy(Objective):
    """The mean over an utterance's frames of −log softmax(logits)_state; logits (B, T, S).

    ``states`` are those of each utterance by its id, (T,) int64. Where an utterance has more or fewer frames than were
    aligned, because it is spoken faster or slower here, its states are stretched evenly. One without an alignment
    (states of −1, or none at all) does not count.
    """

    def __init__(self, states: Mapping[str, torch.Tensor]) -> None:
        self._states = {id_: own for id_, own in states.items() if len(own) and int(own.min()) >= 0}

    def __call__(self, scores: Scores, batch: Batch) -> Losses:
        """The losses of a batch."""
        targets = self._targets(scores, batch).to(scores.logits.device)
        aligned = targets >= 0
        right = at_least_float32(scores.logits).log_softmax(2).gather(2, targets.clamp(min=0)[:, :, None])[:, :, 0]
        sums = torch.where(aligned, -right, 0.0).sum(1)
        counted = aligned.any(1)
        return Losses(torch.where(counted, sums / aligned.sum(1).clamp(min=1), 0.0), counted)

    def _targets(self, scores: Scores, batch: Batch) -> torch.Tensor:
        """The state of every frame (B, T), −1 for those that do not count."""
        targets = torch.full(scores.logits.shape[:2], -1, dtype=torch.int64)
        for row, (id_, frames) in enumerate(zip(batch.ids, scores.lengths.tolist(), strict=True)):
            if id_ in self._states:
                states = self._states[id_]
                targets[row, :frames] = states[torch.arange(frames) * len(states) // max(1, frames)]
        return targets
