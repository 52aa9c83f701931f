"""The hybrid (Bourlard and Morgan, 1994): a network tells which state a frame belongs to, the states make words."""

from __future__ import annotations

from typing import Annotated, Literal, final

import torch

from asrtrain.config import FilePath, OneOf
from asrtrain.data.vocabulary import Vocabulary
from asrtrain.errors import UsageError
from asrtrain.hmm.interface import HMMModel
from asrtrain.hmm.topology import TopologyConfig
from asrtrain.hmm.word_models import WordModels
from asrtrain.models import MODELS
from asrtrain.models.interface import AcousticModel, ModelConfig
from asrtrain.types import Scores

_SOME_FRAMES = 97


@final
class DNNHMMConfig(TopologyConfig):
    """A network over the states of a hidden Markov model, trained by gradients to tell the state of every frame that
    another run has aligned. Wants data.unit: label or word, and the same states as that run.
    """

    name: Literal["dnn_hmm"] = "dnn_hmm"
    acoustic: Annotated[ModelConfig, OneOf(MODELS)]
    """The network: any model that scores every frame."""
    align_from: FilePath
    """The run folder whose model says which state each training frame belongs to: a gmm_hmm, or a dnn_hmm, so as to
    align anew with a better model. It is needed for training alone."""
    start_from: FilePath | None = None
    """The run folder of a dnn_hmm with the same features, states and network, whose best weights this one begins with;
    null: random ones. Needed for training alone."""

    def build(self, input_size: int, vocabulary: Vocabulary) -> DNNHMM:
        """Build the model. Raises UsageError for a network that scores fewer frames than it reads."""
        words = self.build_words(vocabulary)
        network = self.acoustic.build(input_size, words.distributions, per_frame=True)
        scored = int(network.output_lengths(torch.tensor([_SOME_FRAMES])))
        if scored != _SOME_FRAMES:
            raise UsageError(
                f"model.acoustic {self.acoustic.name} scores {scored} of {_SOME_FRAMES} frames, and the states of a "
                "hidden Markov model need them all: let it not subsample time (cnn: halve_time: 0), or choose another"
            )
        return DNNHMM(words, network)


@final
class DNNHMM(HMMModel):
    """Words made of states, and a network that scores these.

    Log p(frame | state) is, up to a constant a frame, the log posterior less the log prior: the share of the frames
    that the state has in the alignment (``words.occupancy``; a frame more for each, lest it be none).
    """

    def __init__(self, words: WordModels, network: AcousticModel) -> None:
        super().__init__(words)
        self.network = network

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> Scores:
        """In training the network's own scores of states (B, T, S); otherwise what every HMM answers."""
        return self.network(features, lengths) if self.training else super().forward(features, lengths)

    def emissions(self, features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Log posteriors less log priors (B, T, S)."""
        return self.likelihoods(self.network(features, lengths))

    def likelihoods(self, scores: Scores) -> torch.Tensor:
        """The same, from the network's own scores."""
        priors = (self.words.occupancy + 1).log().log_softmax(0)
        return scores.logits.double().log_softmax(2) - priors
