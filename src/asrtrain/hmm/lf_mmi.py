"""Lattice-free maximum mutual information: what is said is to be more probable than everything else that might be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal, final

import torch
from pydantic import Field

from asrtrain.config.run import Run
from asrtrain.data.vocabulary import Vocabulary
from asrtrain.encoders.interface import Top
from asrtrain.errors import UsageError
from asrtrain.heads.interface import Head, HeadConfig
from asrtrain.hmm.forward_backward import forward_score
from asrtrain.hmm.graph import POSSIBLE
from asrtrain.hmm.inventory import SILENCE
from asrtrain.hmm.unit_loop import unit_loop
from asrtrain.hmm.word_models import Transcript, WordModels
from asrtrain.types import Part, Scores, Targets, Task


@final
class LFMMIConfig(HeadConfig):
    """Lattice-free MMI (Povey et al., 2016), the last step of model: dnn_hmm, which begins with the weights of
    model.start_from: what is said is to be more probable than all other strings of words (model.unit: word), of phones
    or of characters, or than all other words where each is alone.
    """

    name: Literal["lf_mmi"] = "lf_mmi"
    acoustic_scale: Annotated[float, Field(gt=0)] = 0.1
    """Factor of the states' scores beside transitions: the smaller it is, the more strings compete."""
    cross_entropy: Annotated[float, Field(ge=0)] = 0.1
    """Weight of the cross-entropy by frame that is added, so that the states stay what they were."""

    @property
    def task(self) -> Task:
        """Strings of words; classes of words too, where a model of states has them."""
        return "transcription"

    def check_with(self, run: Run) -> None:
        raise ValueError(f"objective {self.name} compares strings of states: it is for model: dnn_hmm")

    def build(self, input_size: int, tokens: Vocabulary, top: Top, *, stride: int) -> Head[Scores]:
        """It is no head by itself. Raises UsageError."""
        raise UsageError(f"objective {self.name} compares strings of states: it is for model: dnn_hmm")


@final
class LFMMI:
    """−log P(what is said | utterance) / T + ``cross_entropy`` · the frames' mean cross-entropy; logits (B, T, S).

    P is p(utterance, what is said) over the sum of the same for all that might be said, both over all paths, with
    ``acoustic_scale`` · (log posterior − log prior) as the states' scores and equal probabilities of units. The
    gradient of −log P with respect to the logits is the scale times the states' posteriors if anything may be said,
    less those given what is said. An utterance with fewer frames than what is said has states does not count.
    """

    def __init__(self, words: WordModels, settings: LFMMIConfig, *, classifies: bool) -> None:
        self._words, self._settings, self._classifies = words, settings, classifies
        inventory = words.inventory
        self._unit = -math.log(sum(unit != SILENCE for unit in inventory.sizes))
        self._loop = unit_loop(inventory, self._unit)

    def __call__(self, likelihoods: torch.Tensor, lengths: torch.Tensor, targets: Targets, labels: Part) -> Part:
        """The losses of a batch.

        Args:
            likelihoods: log posteriors less log priors of the states, (B, T, S).
            lengths: the frames of each utterance, (B,).
            targets: what is said.
            labels: the frames' mean cross-entropy of each utterance.
        """
        emissions = self._settings.acoustic_scale * likelihoods
        said, anything = self._compared(emissions, lengths, self._words.transcripts(targets))
        possible = said > POSSIBLE
        beside = self._settings.cross_entropy * labels.per_utterance
        ratios = ((anything - said) / lengths).to(beside.dtype)
        return Part(torch.where(possible, ratios + beside, 0.0), possible)

    def _compared(
        self, emissions: torch.Tensor, lengths: torch.Tensor, transcripts: Sequence[Transcript]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Log p of what is said, and of anything that might be: (B,) each."""
        words = self._words
        if self._classifies:
            every = words.word_scores(emissions, lengths)
            said = torch.tensor(transcripts, device=every.device)
            return every.gather(1, said)[:, 0], every.logsumexp(1)
        spelling, symbols = words.inventory.spelling, words.vocabulary.symbols
        units = [sum(len(spelling[symbols[word]]) for word in said) for said in transcripts]
        prior = self._unit * torch.tensor(units, dtype=torch.float64, device=emissions.device)
        said = forward_score(words.graph(transcripts), emissions, lengths) + prior
        return said, forward_score(words.batched([self._loop] * len(transcripts)), emissions, lengths)
