"""The generative objective: how probable the speech is, given what is said."""

from __future__ import annotations

from typing import final

import torch

from asrtrain.hmm.forward_backward import forward_score
from asrtrain.hmm.graph import POSSIBLE
from asrtrain.hmm.word_models import WordModels
from asrtrain.objectives.interface import Losses, Objective
from asrtrain.types import Batch, Scores


@final
class NegativeLogLikelihood(Objective):
    """−log p(utterance | what is said) / T, summed over all paths.

    Scores are those of states, (B, T, S), or of whole words already, (B, V). An utterance with fewer frames than what
    is said has states does not count.
    """

    def __init__(self, words: WordModels) -> None:
        self._words = words

    def __call__(self, scores: Scores, batch: Batch) -> Losses:
        """The losses of a batch."""
        if scores.logits.dim() == 2:
            totals = scores.logits.gather(1, batch.targets[:, None])[:, 0] / self._words.acoustic_scale
        else:
            graph = self._words.graph(self._words.transcripts(batch))
            totals = forward_score(graph, scores.logits, scores.lengths)
        possible = totals > POSSIBLE
        return Losses(torch.where(possible, -totals / scores.lengths, 0.0).float(), possible)
