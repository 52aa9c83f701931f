"""Connectionist temporal classification (Graves et al., 2006)."""

from __future__ import annotations

from typing import Literal, final

import torch
from torch.nn import functional

from asrtrain.data.vocabulary import Vocabulary
from asrtrain.encoders.interface import Top
from asrtrain.heads.criterion import Criterion
from asrtrain.heads.feasibility import ctc_feasible
from asrtrain.heads.interface import Head, HeadConfig, at_least_float32
from asrtrain.heads.output import Output
from asrtrain.heads.scored import ScoredHead
from asrtrain.types import Part, Scores, Targets, Task

Normalise = Literal["none", "labels", "frames"]

_VECTOR = 16
"""Numbers of float32 in the widest vectors that processors have."""


@final
class CTCConfig(HeadConfig):
    """Negative log-probability of the transcript, summed over all its alignments; symbol 0 is the blank."""

    name: Literal["ctc"] = "ctc"
    normalise: Normalise = "none"
    """Divide each utterance's loss by its number of labels, or of scored frames."""

    @property
    def task(self) -> Task:
        """A string of symbols an utterance."""
        return "transcription"

    def criterion(self) -> Criterion:
        """How wrong scores are."""
        return CTC(self.normalise)

    def build(self, input_size: int, tokens: Vocabulary, top: Top, *, stride: int) -> Head[Scores]:
        """Build the head."""
        output = Output(input_size, len(tokens), top, per_frame=True)
        return ScoredHead(tokens, "frames", output, self.criterion())


@final
class CTC(Criterion):
    """−log Σ over alignments of Π_t softmax(logits_t); logits (B, T', V), targets (B, L).

    An utterance with too few frames for its transcript does not count: its loss is exactly 0, its gradient too.
    """

    def __init__(self, normalise: Normalise) -> None:
        self.normalise = normalise

    def __call__(self, scores: Scores, targets: Targets) -> Part:
        """The losses of a batch."""
        feasible = ctc_feasible(scores.lengths, targets.values, targets.lengths)
        logits = at_least_float32(scores.logits)
        if logits.shape[1] == 0:
            return Part(logits.sum(dim=(1, 2)), feasible)
        # Infeasible utterances go in as one frame of the empty string, which is finite; `where` cuts their gradient.
        losses = functional.ctc_loss(
            _log_probabilities(logits),
            targets.values,
            scores.lengths.where(feasible, 1),
            targets.lengths.where(feasible, 0),
            blank=0,
            reduction="none",
        )
        losses = losses / self._divisor(scores, targets)
        return Part(losses.where(feasible, 0.0), feasible)

    def _divisor(self, scores: Scores, targets: Targets) -> torch.Tensor:
        match self.normalise:
            case "labels":
                return targets.lengths.clamp(min=1)
            case "frames":
                return scores.lengths.clamp(min=1)
            case "none":
                return torch.ones_like(scores.lengths)


def _log_probabilities(logits: torch.Tensor) -> torch.Tensor:
    """The log-softmax of logits (B, T, V), frame by frame: (T, B, V)."""
    if logits.shape[2] >= _VECTOR:
        return logits.transpose(0, 1).log_softmax(dim=2)
    # Torch adds up the symbols of a frame in vectors, and these would not fill one: the other way round, every place in
    # a vector is another frame. Turning included that takes a fifth of the time.
    return logits.permute(2, 1, 0).contiguous().log_softmax(dim=0).permute(1, 2, 0)
