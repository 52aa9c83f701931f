"""The forward-backward algorithm (Baum et al., 1970) over a batch of state graphs, in logarithms.

One step a frame, vectorised over utterances, states and ways into a state. Recursions are in float64: over a hundred
thousand frames a logarithm reaches −10⁷, where float32 counts in whole steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import final

import torch

from asrtrain.hmm.graph import POSSIBLE, Graph, scores_of_states


@final
@dataclass(frozen=True, slots=True)
class Posteriors:
    """What the whole utterance says of every frame: ``log_likelihoods`` (B,) of the utterances; ``states`` (B, T, N),
    the probability of being in each state, zero beyond each length; ``arcs`` (K, B, N) and ``ends`` (B, N), how often
    each way was gone and how the utterance ended, as expected counts.

    An utterance for which there is no path has a log-likelihood below ``POSSIBLE`` and zeros elsewhere.
    """

    log_likelihoods: torch.Tensor
    states: torch.Tensor
    arcs: torch.Tensor
    ends: torch.Tensor


def forward_score(graph: Graph, emissions: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Log Σ over paths of Π of emissions and transitions (B,) float64, differentiable.

    ``emissions`` (B, T, S) are logarithms; ``lengths`` (B,) at least 1. The gradient with respect to the emissions is
    the posterior of every state in every frame.
    """
    return torch.logsumexp(forward_ends(graph, emissions, lengths), 1)


def forward_ends(graph: Graph, emissions: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """What each last state has of ``forward_score``: log Σ over the paths that end there, (B, N)."""
    return _at_the_end(_forward(graph, scores_of_states(emissions, graph)), lengths) + graph.stop


@torch.no_grad()
def posteriors(graph: Graph, emissions: torch.Tensor, lengths: torch.Tensor) -> Posteriors:
    """Posteriors of states and ways, for emissions (B, T, S), logarithms, and lengths (B,) at least 1.

    The backward pass carries probabilities instead of logarithms: what a state has at frame t is shared out to the
    states that it may have come from, in proportion to what each brought in. These shares are known from the forward
    pass for all frames at once, so that a frame costs few operations, and the sum over states stays 1.
    """
    alphas = _forward(graph, scores_of_states(emissions, graph))
    final = _at_the_end(alphas, lengths) + graph.stop
    log_likelihoods = torch.logsumexp(final, 1)
    ends = torch.exp(final - log_likelihoods[:, None]) * (log_likelihoods > POSSIBLE)[:, None]
    shares = _shares(graph, alphas)
    leavers = None if graph.leave is None else torch.softmax(alphas + graph.leave, 2)
    states = torch.zeros_like(alphas)
    arcs = torch.zeros_like(graph.arcs)
    ways, utterances, size = arcs.shape
    # Where the sources lie among the states of all utterances, to add up all ways at once.
    places = (graph.sources + size * torch.arange(utterances, device=arcs.device)[:, None]).flatten()
    finishing = set(lengths.tolist())
    now = torch.zeros_like(ends)
    for t in range(len(alphas) - 1, -1, -1):
        if t + 1 in finishing:
            now = torch.where((lengths == t + 1)[:, None], ends, now)
        states[t] = now
        if t == 0:
            break
        flow = shares[t - 1] * now
        arcs += flow[:ways]
        now = torch.zeros_like(now)
        now.view(-1).index_add_(0, places, flow[:ways].flatten())
        if leavers is not None:
            now += flow[ways].sum(1, keepdim=True) * leavers[t - 1]
    return Posteriors(log_likelihoods, states.transpose(0, 1), arcs, ends)


def _forward(graph: Graph, scores: torch.Tensor) -> torch.Tensor:
    """The logarithm of arriving in each state at each frame, by any path: (T, B, N)."""
    alpha = graph.start + scores[0]
    alphas = [alpha]
    for score in scores[1:]:
        alpha = _arrivals(graph, alpha) + score
        alphas.append(alpha)
    return torch.stack(alphas)


def _arrivals(graph: Graph, alpha: torch.Tensor) -> torch.Tensor:
    """Σ over the ways into each state, the loop included: (B, N) to (B, N)."""
    incoming = alpha.expand_as(graph.arcs).gather(2, graph.sources) + graph.arcs
    # Few ways: adding them pair by pair takes half the time of logsumexp.
    arrivals: torch.Tensor = reduce(torch.logaddexp, incoming.unbind(0))
    if graph.leave is None or graph.enter is None:
        return arrivals
    hub = torch.logsumexp(alpha + graph.leave, 1, keepdim=True)
    return torch.logaddexp(arrivals, hub + graph.enter)


def _shares(graph: Graph, alphas: torch.Tensor) -> torch.Tensor:
    """Which share of each state's probability came by each way, the loop last: (T − 1, K or K + 1, B, N)."""
    before = alphas[:-1, None].expand(-1, *graph.arcs.shape)
    incoming = before.gather(3, graph.sources.expand_as(before)) + graph.arcs
    if graph.leave is not None and graph.enter is not None:
        hub = torch.logsumexp(alphas[:-1] + graph.leave, 2, keepdim=True)
        incoming = torch.cat([incoming, (hub + graph.enter)[:, None]], 1)
    return torch.softmax(incoming, 1)


def _at_the_end(alphas: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """(T, B, N) to each utterance's last frame (B, N)."""
    last: torch.Tensor = alphas[lengths - 1, torch.arange(alphas.shape[1], device=alphas.device)]
    return last
