"""Training a GMM-HMM: pass after pass over the data, from a flat start, through splits, to the full mixtures."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, final

import torch

from asrtrain.encoders.interface import EncoderConfig
from asrtrain.errors import TrainingError, UsageError
from asrtrain.heads.interface import Head, RecogniserConfig
from asrtrain.hmm.flat_start import even_posteriors
from asrtrain.hmm.forward_backward import Posteriors, posteriors
from asrtrain.hmm.gaussians import GaussianMixtures
from asrtrain.hmm.gmm_hmm import GMMHMMConfig, MixturesHead
from asrtrain.hmm.graph import IMPOSSIBLE, Graph
from asrtrain.hmm.inventory import SILENCE
from asrtrain.hmm.maximisation import Floors, reestimate, reestimate_transitions
from asrtrain.hmm.segmental import path_posteriors
from asrtrain.hmm.splitting import split
from asrtrain.hmm.statistics import Statistics, accumulate, accumulate_single
from asrtrain.hmm.tying import tie
from asrtrain.hmm.viterbi import viterbi
from asrtrain.types import Batch

TRANSITION_FLOOR = 1e-3
"""No possible transition is less probable than this: unseen is not impossible."""


@final
class BaumWelch:
    """The passes that train a model; ``batches`` gives the batches of a pass, and ``seed`` its seed.

    Pass 0 shares every utterance out evenly among its states. From then on a pass looks at all paths, or at the best,
    and replaces the parameters; what it needs beside the data lies in the model's buffers and in its own number, so
    that training can stop after any pass and go on. With triphones the first half of the passes trains phones without
    context; then the decision tree is grown, and mixtures begin anew with a Gaussian for each of its leaves.
    """

    def __init__(
        self,
        model: MixturesHead,
        config: GMMHMMConfig,
        batches: Callable[[int], Iterable[Batch]],
        *,
        passes: int,
        seed: Callable[[int], int],
    ) -> None:
        self._model, self._config, self._batches = model, config, batches
        self._passes, self._seed = passes, seed
        components = model.gaussians.means.shape[1]
        self._stages = 1 + math.ceil(math.log2(components))
        self._tying = None if model.words.tying is None else passes // 2
        least = 1 + self._stages * (1 if self._tying is None else 2)
        if passes < least:
            raise UsageError(
                f"training.max_epochs: {passes} passes are too few to reach {components} components"
                f"{'' if self._tying is None else ' twice, without context and with it'}: "
                f"give {least} or more, or fewer model.mixtures"
            )

    def run_pass(self, number: int) -> float:
        """Do one pass (from 0); returns the log-likelihood of a frame before it, NaN for the first.

        Raises TrainingError if no utterance is as long as its transcript has states.
        """
        if number > 0 and self._stage(number) > self._stage(number - 1):
            self._split(number)
        gaussians = self._untied_gaussians() if number == self._tying else self._model.gaussians
        statistics = Statistics.nothing(gaussians)
        for batch in self._batches(number):
            self._add(statistics, gaussians, batch.to(self._model.variance.device), number)
        if not statistics.frames:
            raise TrainingError(
                "no utterance has as many frames as its transcript has states: "
                "lower model.states or features.frame_shift"
            )
        if number == 0:
            self._begin(statistics)
        if number == self._tying:
            statistics = self._tie(statistics)
        self._update(statistics, number)
        return statistics.mean_log_likelihood if number else math.nan

    def states(self) -> int:
        """How many states the model has."""
        return self._model.words.used

    def _stage(self, number: int) -> int:
        """How often the mixtures have been doubled before a pass, since they began."""
        began, end = 0, self._passes
        if self._tying is not None:
            began, end = (0, self._tying + 1) if number <= self._tying else (self._tying, self._passes)
        return max(0, number - began - 1) * self._stages // (end - began - 1)

    def _add(self, statistics: Statistics, gaussians: GaussianMixtures, batch: Batch, number: int) -> None:
        model = self._model
        transcripts = model.words.transcripts(model.targets(batch))
        graph = model.words.graph(transcripts)
        if number == 0:
            found = even_posteriors(graph, [model.words.links(t) for t in transcripts], batch.lengths)
        else:
            found = self._expected(graph, batch)
        add = accumulate
        if number == self._tying:
            graph, add = model.words.untied(transcripts), accumulate_single
        add(statistics, gaussians, graph, found, features=batch.features, lengths=batch.lengths)

    @torch.no_grad()
    def _expected(self, graph: Graph, batch: Batch) -> Posteriors:
        # Only the states of this batch's transcripts are scored: the more alike these are, the less there is to do.
        states, local = torch.unique(graph.emissions, return_inverse=True)
        scores = self._model.emissions_of(batch.features, states)
        graph = replace(graph, emissions=local)
        if self._config.estimation == "viterbi":
            return path_posteriors(graph, viterbi(graph, scores, batch.lengths))
        return posteriors(graph, scores, batch.lengths)

    def _begin(self, statistics: Statistics) -> None:
        """Give every state the mean and variance of all frames, for those that no utterance has."""
        gaussians = self._model.gaussians
        mean = statistics.first.sum((0, 1)) / statistics.frames
        second = statistics.second.sum((0, 1)) / statistics.frames
        power = second.diagonal() if second.dim() == 2 else second
        self._model.variance.copy_(power - mean.square())
        gaussians.means.copy_(mean.expand_as(gaussians.means))
        every = torch.ones_like(statistics.occupancy, dtype=torch.bool)
        own = torch.diag(self._model.variance) if second.dim() == 2 else self._model.variance
        gaussians.set_covariances(own.expand_as(statistics.second), every)

    def _untied_gaussians(self) -> GaussianMixtures:
        """One for every state of every triphone, to be counted for."""
        own = self._model.gaussians
        return type(own)(self._model.words.inventory.states, 1, own.means.shape[2]).to(own.means)

    @torch.no_grad()
    def _tie(self, statistics: Statistics) -> Statistics:
        """Let the decision tree say which states of triphones are one, and add up what was counted for them."""
        words, gaussians = self._model.words, self._model.gaussians
        floor = self._config.variance_floor * self._model.variance
        tying = tie(words.inventory, statistics, self._config.tree, floor=floor, most=words.distributions)
        for buffer in gaussians.buffers():
            buffer[tying] = buffer[words.tying]
        gaussians.log_weights.fill_(IMPOSSIBLE)
        gaussians.log_weights[:, 0] = 0.0
        words.retie(tying)
        return statistics.pooled(tying, gaussians)

    def _update(self, statistics: Statistics, number: int) -> None:
        config, words = self._config, self._model.words
        floors = Floors(config.variance_floor * self._model.variance, config.occupancy_floor)
        reestimate(self._model.gaussians, statistics, floors)
        if number > 0:
            reestimate_transitions(words.transitions, statistics.transitions, TRANSITION_FLOOR)
        words.occupancy.copy_(statistics.occupancy.sum(1))

    def _split(self, number: int) -> None:
        config, words = self._config, self._model.words
        now = 2 ** self._stage(number)
        wanted = torch.full((words.distributions,), min(now, config.mixtures))
        wanted[words.inventory.chain(SILENCE)] = min(now, config.silence_mixtures or config.mixtures)
        generator = torch.Generator().manual_seed(self._seed(number))
        split(self._model.gaussians, wanted, words.occupancy, config.occupancy_floor, generator)


def baum_welch(
    head: Head[Any],
    config: RecogniserConfig | EncoderConfig,
    batches: Callable[[int], Iterable[Batch]],
    *,
    passes: int,
    seed: Callable[[int], int],
) -> BaumWelch:
    """The passes that train a head of Gaussian mixtures, above features as they are. Raises UsageError."""
    if not isinstance(head, MixturesHead) or not isinstance(config, GMMHMMConfig):
        raise UsageError(f"model {config.name} has no Gaussian mixtures to re-estimate")
    return BaumWelch(head, config, batches, passes=passes, seed=seed)
