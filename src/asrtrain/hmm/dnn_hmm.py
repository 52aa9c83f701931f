"""The hybrid (Bourlard and Morgan, 1994): a network tells which state a frame belongs to, the states make words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, final

import torch

from asrtrain.config import FilePath, OneOf
from asrtrain.config.run import Run
from asrtrain.data.vocabulary import Vocabulary
from asrtrain.encoders import ENCODERS
from asrtrain.encoders.interface import EncoderConfig, Top
from asrtrain.errors import UsageError
from asrtrain.heads.interface import HeadBuilder, HeadConfig
from asrtrain.heads.output import Output
from asrtrain.hmm.frame_cross_entropy import frame_cross_entropy
from asrtrain.hmm.interface import HMMHead
from asrtrain.hmm.lf_mmi import LFMMI, LFMMIConfig
from asrtrain.hmm.topology import TopologyConfig
from asrtrain.hmm.tuning import Tuning
from asrtrain.hmm.word_models import WordModels
from asrtrain.language.models import LanguageModelConfig
from asrtrain.types import Batch, Frames, Part, Scores


@final
class DNNHMMConfig(TopologyConfig):
    """A network over the states of a hidden Markov model, trained by gradients to tell the state of every frame that
    another run has aligned. Wants data.unit: label or word, and the same states as that run.
    """

    name: Literal["dnn_hmm"] = "dnn_hmm"
    acoustic: Annotated[EncoderConfig, OneOf(ENCODERS)]
    """The network: any model that scores every frame."""
    align_from: FilePath
    """The run folder whose model says which state each training frame belongs to: a gmm_hmm, or a dnn_hmm, so as to
    align anew with a better model. Or its configuration file: then that is trained first. Needed for training alone."""
    start_from: FilePath | None = None
    """The run folder, or the configuration file, of a dnn_hmm with the same features, states and network, whose best
    weights this one begins with; null: random ones. Needed for training alone."""

    @property
    def encoder(self) -> EncoderConfig:
        """The network below the layer that scores the states."""
        return self.acoustic

    @property
    def runs(self) -> Mapping[str, Path]:
        begun = {} if self.start_from is None else {"start_from": self.start_from}
        return {"align_from": self.align_from, **begun}

    def check_with(self, run: Run) -> None:
        super().check_with(run)
        if run.changed("objective") and not isinstance(run.value("objective"), LFMMIConfig):
            raise ValueError(
                f"model {self.name} has an objective of its own, cross-entropy by frame: leave it out or choose lf_mmi"
            )
        moving = [key for key in ("trim", "shift") if run.value(f"augmentation.{key}") is not None]
        if moving:
            raise ValueError(
                f"augmentation.{moving[0]} moves speech in time, away from the states that model.align_from found for "
                "its frames: leave it out"
            )

    def head(self, objective: HeadConfig) -> HeadBuilder:
        """The head, trained as the objective says if that is one for states, and by its own cross-entropy otherwise."""
        return Hybrid(self, objective if isinstance(objective, LFMMIConfig) else None)


@final
@dataclass(frozen=True, slots=True)
class Hybrid:
    """Builds the head of a hybrid; see HeadBuilder."""

    settings: DNNHMMConfig
    objective: LFMMIConfig | None

    @property
    def name(self) -> str:
        return self.settings.name

    def build(self, input_size: int, tokens: Vocabulary, top: Top, *, stride: int) -> HybridHead:
        """Build the head. Raises UsageError for an encoder that leaves fewer frames than it reads, DataError."""
        if stride != 1:
            raise UsageError(
                f"model.acoustic {self.settings.acoustic.name} scores one of {stride} frames, and the states of a "
                "hidden Markov model need them all: let it not subsample time (cnn: halve_time: 0), or choose another"
            )
        words = self.settings.build_words(tokens)
        output = Output(input_size, words.distributions, top, per_frame=True)
        return HybridHead(words, output, self.objective, self.settings.tuning, self.settings.language_model)


@final
class HybridHead(HMMHead):
    """Words made of states, and a layer above a network that scores these.

    Log p(frame | state) is, up to a constant a frame, the log posterior less the log prior: the share of the frames
    that the state has in the alignment (``words.occupancy``; a frame more for each, so that none is 0). Batches give
    the aligned states of training utterances; see ``frame_cross_entropy``.
    """

    def __init__(
        self,
        words: WordModels,
        output: Output,
        objective: LFMMIConfig | None,
        tuning: Tuning,
        language_model: LanguageModelConfig | None = None,
    ) -> None:
        super().__init__(words, tuning, language_model)
        self.output = output
        self._lf_mmi = None if objective is None else LFMMI(words, objective, classifies=self.classifies)

    def part(self, frames: Frames, batch: Batch) -> Part:
        """In training what is learnt; otherwise what every hidden Markov model is judged by."""
        if not self.training:
            return super().part(frames, batch)
        scores: Scores = self.output(frames)
        labels = frame_cross_entropy(scores, batch)
        if self._lf_mmi is None:
            return labels
        return self._lf_mmi(self.likelihoods(scores), scores.lengths, self.targets(batch), labels)

    def emissions(self, frames: Frames) -> torch.Tensor:
        """Log posteriors less log priors (B, T, S)."""
        return self.likelihoods(self.output(frames))

    def likelihoods(self, scores: Scores) -> torch.Tensor:
        """The same, from the layer's own scores."""
        priors = (self.words.occupancy + 1).log().log_softmax(0)
        return scores.logits.double().log_softmax(2) - priors
