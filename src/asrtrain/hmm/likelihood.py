"""The generative objective: how probable the speech is, given what is said."""

from __future__ import annotations

import torch

from asrtrain.hmm.forward_backward import forward_score
from asrtrain.hmm.graph import POSSIBLE
from asrtrain.hmm.word_models import WordModels
from asrtrain.types import Part, Scores, Targets


def negative_log_likelihood(words: WordModels, scores: Scores, targets: Targets) -> Part:
    """−log p(utterance | what is said) / T, summed over all paths.

    Scores are those of states, (B, T, S), or of whole words already, (B, V). An utterance with fewer frames than what
    is said has states does not count.
    """
    if scores.logits.dim() == 2:
        totals = scores.logits.gather(1, targets.values)[:, 0] / words.acoustic_scale
    else:
        totals = forward_score(words.graph(words.transcripts(targets)), scores.logits, scores.lengths)
    possible = totals > POSSIBLE
    return Part(torch.where(possible, -totals / scores.lengths, 0.0).float(), possible)
