"""What re-estimation has to know of the training data: expected counts and moments, added up over batches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

import torch

from asrtrain.hmm.forward_backward import Posteriors
from asrtrain.hmm.gaussians import GaussianMixtures
from asrtrain.hmm.graph import NEXT, POSSIBLE, Graph


@final
@dataclass(slots=True)
class Statistics:
    """Sums in float64: ``occupancy`` (S, M), ``first`` (S, M, F) and ``second`` (S, M, F) or (S, M, F, F) moments of
    components, ``transitions`` (S, 3) counts; and the log-likelihood of all ``frames`` counted so far.

    ``skipped`` counts utterances too short for their transcript.
    """

    occupancy: torch.Tensor
    first: torch.Tensor
    second: torch.Tensor
    transitions: torch.Tensor
    log_likelihood: float = 0.0
    frames: int = field(default=0)
    skipped: int = field(default=0)

    @classmethod
    def nothing(cls, gaussians: GaussianMixtures) -> Statistics:
        """No data yet."""
        states, components, size = gaussians.means.shape
        zeros = torch.zeros(states, components, size, dtype=torch.float64, device=gaussians.means.device)
        covariances = gaussians.covariances()
        return cls(
            zeros[:, :, 0].clone(),
            zeros,
            torch.zeros_like(covariances, dtype=torch.float64),
            torch.zeros(states, 3, dtype=torch.float64, device=zeros.device),
        )

    def pooled(self, tying: torch.Tensor, gaussians: GaussianMixtures) -> Statistics:
        """What L states with a Gaussian each have counted, added up by the distribution of each, ``tying`` (L,), as the
        first component of ``gaussians``.
        """
        found = Statistics.nothing(gaussians)
        found.occupancy[:, :1].index_add_(0, tying, self.occupancy)
        found.first[:, :1].index_add_(0, tying, self.first)
        found.second[:, :1].index_add_(0, tying, self.second)
        found.transitions.index_add_(0, tying, self.transitions)
        found.log_likelihood, found.frames, found.skipped = self.log_likelihood, self.frames, self.skipped
        return found

    @property
    def mean_log_likelihood(self) -> float:
        """The log-likelihood of a frame."""
        return self.log_likelihood / max(1, self.frames)


@torch.no_grad()
def accumulate(
    statistics: Statistics,
    gaussians: GaussianMixtures,
    graph: Graph,
    posteriors: Posteriors,
    *,
    features: torch.Tensor,
    lengths: torch.Tensor,
) -> None:
    """Add a batch: features (B, T, F), lengths (B,) and what its graphs' posteriors say."""
    _count(statistics, graph, posteriors, lengths)
    states, local = torch.unique(graph.emissions, return_inverse=True)
    occupied = posteriors.states.new_zeros(*features.shape[:2], len(states))
    occupied.scatter_add_(2, local[:, None, :].expand_as(posteriors.states), posteriors.states)
    real = torch.arange(features.shape[1], device=lengths.device) < lengths[:, None]
    frames, occupied = features[real].to(gaussians.means), occupied[real].to(gaussians.means)
    joint = gaussians.joint(frames, states)
    parts = torch.softmax(joint, 2).mul_(occupied[:, :, None]).flatten(1)
    places = (states, slice(0, joint.shape[2]))
    for sums, found in (
        (statistics.occupancy, parts.sum(0, dtype=torch.float64)),
        (statistics.first, (parts.T @ frames).double()),
        (statistics.second, gaussians.moments(frames, parts)),
    ):
        sums[places] += found.view(*joint.shape[1:], *found.shape[1:])


@torch.no_grad()
def accumulate_single(
    statistics: Statistics,
    gaussians: GaussianMixtures,
    graph: Graph,
    posteriors: Posteriors,
    *,
    features: torch.Tensor,
    lengths: torch.Tensor,
) -> None:
    """The same for states with one Gaussian each, where a batch has so many of them that few are in every utterance."""
    _count(statistics, graph, posteriors, lengths)
    for states, occupied, rows, length in zip(
        graph.emissions, posteriors.states, features, lengths.tolist(), strict=True
    ):
        frames, parts = rows[:length].to(gaussians.means), occupied[:length].to(gaussians.means)
        statistics.occupancy[:, 0].index_add_(0, states, occupied.sum(0))
        statistics.first[:, 0].index_add_(0, states, (parts.T @ frames).double())
        statistics.second[:, 0].index_add_(0, states, gaussians.moments(frames, parts))


def _count(statistics: Statistics, graph: Graph, posteriors: Posteriors, lengths: torch.Tensor) -> None:
    """Likelihood, frames and transitions of a batch."""
    counted = posteriors.log_likelihoods > POSSIBLE
    statistics.log_likelihood += float(posteriors.log_likelihoods[counted].sum())
    statistics.frames += int(lengths[counted].sum())
    statistics.skipped += int((~counted).sum())
    flat = statistics.transitions.view(-1)
    flat.index_add_(0, (graph.owners * 3 + graph.kinds).flatten(), posteriors.arcs.flatten())
    flat.index_add_(0, (graph.emissions * 3 + NEXT).flatten(), posteriors.ends.flatten())
