"""Lattice-free maximum mutual information: what is said is to be more probable than everything else that might be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal, final

import torch
from pydantic import Field

from asrtrain.config import Config
from asrtrain.hmm.dnn_hmm import DNNHMM
from asrtrain.hmm.forward_backward import forward_score
from asrtrain.hmm.graph import POSSIBLE
from asrtrain.hmm.inventory import SILENCE
from asrtrain.hmm.unit_loop import unit_loop
from asrtrain.hmm.word_models import Transcript
from asrtrain.objectives.interface import Losses, Objective
from asrtrain.types import Batch, Scores


@final
class LFMMIConfig(Config):
    """Lattice-free MMI (Povey et al., 2016), the last step of model: dnn_hmm, which begins with the weights of
    model.start_from: what is said is to be more probable than all other strings of words (model.unit: word), of phones
    or of characters, or than all other words where each is alone.
    """

    name: Literal["lf_mmi"] = "lf_mmi"
    acoustic_scale: Annotated[float, Field(gt=0)] = 0.1
    """Factor of the states' scores beside transitions: the smaller it is, the more strings compete."""
    cross_entropy: Annotated[float, Field(ge=0)] = 0.1
    """Weight of the cross-entropy by frame that is added, so that the states stay what they were."""


@final
class LFMMI(Objective):
    """−log P(what is said | utterance) / T + ``cross_entropy`` · the frames' mean cross-entropy; logits (B, T, S).

    P is p(utterance, what is said) over the sum of the same for all that might be said, both over all paths, with
    ``acoustic_scale`` · (log posterior − log prior) as the states' scores and equal probabilities of units. The
    gradient of −log P with respect to the logits is the scale times the states' posteriors if anything may be said,
    less those given what is said. An utterance with fewer frames than what is said has states does not count.
    """

    def __init__(self, model: DNNHMM, settings: LFMMIConfig, labels: Objective) -> None:
        self._model, self._settings, self._labels = model, settings, labels
        inventory = model.words.inventory
        self._unit = -math.log(sum(unit != SILENCE for unit in inventory.sizes))
        self._loop = unit_loop(inventory, self._unit)

    def __call__(self, scores: Scores, batch: Batch) -> Losses:
        """The losses of a batch."""
        emissions = self._settings.acoustic_scale * self._model.likelihoods(scores)
        said, anything = self._compared(emissions, scores.lengths, self._model.words.transcripts(batch))
        possible = said > POSSIBLE
        labels = self._settings.cross_entropy * self._labels(scores, batch).per_utterance
        ratios = ((anything - said) / scores.lengths).to(labels.dtype)
        return Losses(torch.where(possible, ratios + labels, 0.0), possible)

    def _compared(
        self, emissions: torch.Tensor, lengths: torch.Tensor, transcripts: Sequence[Transcript]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Log p of what is said, and of anything that might be: (B,) each."""
        words = self._model.words
        if self._model.classifies:
            every = words.word_scores(emissions, lengths)
            said = torch.tensor(transcripts, device=every.device)
            return every.gather(1, said)[:, 0], every.logsumexp(1)
        spelling, symbols = words.inventory.spelling, words.vocabulary.symbols
        units = [sum(len(spelling[symbols[word]]) for word in said) for said in transcripts]
        prior = self._unit * torch.tensor(units, dtype=torch.float64, device=emissions.device)
        said = forward_score(words.graph(transcripts), emissions, lengths) + prior
        return said, forward_score(words.batched([self._loop] * len(transcripts)), emissions, lengths)
