"""Mean absolute error between the probabilities and the class that was spoken."""

from __future__ import annotations

from typing import Literal, final

import torch
from torch.nn import functional

from asrtrain.data.vocabulary import Vocabulary
from asrtrain.encoders.interface import Top
from asrtrain.heads.criterion import Criterion
from asrtrain.heads.interface import Head, HeadConfig, at_least_float32
from asrtrain.heads.output import Output
from asrtrain.heads.scored import ScoredHead
from asrtrain.types import Part, Scores, Targets, Task


@final
class MAEConfig(HeadConfig):
    """Mean absolute error on probabilities: bounded, so that wrong labels cannot dominate (Ghosh et al., 2017)."""

    name: Literal["mae"] = "mae"

    @property
    def task(self) -> Task:
        """One class an utterance."""
        return "classification"

    def criterion(self) -> Criterion:
        """How wrong scores are."""
        return MAE()

    def build(self, input_size: int, tokens: Vocabulary, top: Top, *, stride: int) -> Head[Scores]:
        """Build the head."""
        output = Output(input_size, len(tokens), top, per_frame=False)
        return ScoredHead(tokens, "classes", output, self.criterion())


@final
class MAE(Criterion):
    """1/V Σ_v |softmax(logits)_v − [v = target]|, which is 2/V (1 − p_target); logits (B, V), targets (B, 1)."""

    def __call__(self, scores: Scores, targets: Targets) -> Part:
        """The losses of a batch; all of them count."""
        probabilities = at_least_float32(scores.logits).softmax(dim=1)
        wanted = functional.one_hot(targets.values[:, 0], probabilities.shape[1])
        losses = (probabilities - wanted).abs().mean(dim=1)
        return Part(losses, torch.ones_like(losses, dtype=torch.bool))
