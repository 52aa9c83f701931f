"""Cross-entropy between the scores and the class that was spoken."""

from __future__ import annotations

from typing import Annotated, Literal, final

import torch
from pydantic import Field
from torch.nn import functional

from asrtrain.data.vocabulary import Vocabulary
from asrtrain.encoders.interface import Top
from asrtrain.heads.criterion import Criterion
from asrtrain.heads.interface import Head, HeadConfig, at_least_float32
from asrtrain.heads.output import Output
from asrtrain.heads.scored import ScoredHead
from asrtrain.types import Part, Scores, Targets, Task


@final
class CrossEntropyConfig(HeadConfig):
    """Negative log-probability of the right class."""

    name: Literal["cross_entropy"] = "cross_entropy"
    label_smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """Take this much probability from the right class and spread it over all of them (Szegedy et al., 2016)."""

    @property
    def task(self) -> Task:
        """One class an utterance."""
        return "classification"

    def criterion(self) -> Criterion:
        """How wrong scores are."""
        return CrossEntropy(self.label_smoothing)

    def build(self, input_size: int, tokens: Vocabulary, top: Top, *, stride: int) -> Head[Scores]:
        """Build the head."""
        output = Output(input_size, len(tokens), top, per_frame=False)
        return ScoredHead(tokens, "classes", output, self.criterion())


@final
class CrossEntropy(Criterion):
    """−Σ_v q_v log softmax(logits)_v with q = (1 − ε) [v = target] + ε / V; logits (B, V), targets (B, 1)."""

    def __init__(self, label_smoothing: float) -> None:
        self.label_smoothing = label_smoothing

    def __call__(self, scores: Scores, targets: Targets) -> Part:
        """The losses of a batch; all of them count."""
        losses = functional.cross_entropy(
            at_least_float32(scores.logits),
            targets.values[:, 0],
            reduction="none",
            label_smoothing=self.label_smoothing,
        )
        return Part(losses, torch.ones_like(losses, dtype=torch.bool))
