"""The best path through a batch of state graphs without loops (Viterbi, 1967), in logarithms; one step a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch

from asrtrain.hmm.graph import POSSIBLE, Graph, scores_of_states


@final
@dataclass(frozen=True, slots=True)
class BestPaths:
    """The best path of each utterance: ``scores`` (B,) float64, ``states`` (B, T) int64 (states of the graph, −1 beyond
    each length), ``ways`` (B, T) by which each state was entered: the number of the arc, −1 at the first frame and
    beyond each length.
    """

    scores: torch.Tensor
    states: torch.Tensor
    ways: torch.Tensor

    @property
    def possible(self) -> torch.Tensor:
        """Which utterances have a path at all: (B,)."""
        return self.scores > POSSIBLE


@torch.no_grad()
def viterbi(graph: Graph, emissions: torch.Tensor, lengths: torch.Tensor) -> BestPaths:
    """The most probable state sequences, for emissions (B, T, S), logarithms, and lengths (B,) at least 1."""
    scores = scores_of_states(emissions, graph)
    best, ways = _search(graph, scores)
    rows = torch.arange(len(lengths), device=lengths.device)
    totals, ends = (best[lengths - 1, rows] + graph.stop).max(1)
    states, entered = _trace(graph, ways, lengths, ends)
    return BestPaths(totals, states, entered)


def _search(graph: Graph, scores: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Best scores and the ways they came by, (T, B, N) each."""
    ways = torch.zeros(scores.shape, dtype=torch.int64, device=scores.device)
    best = torch.empty_like(scores)
    delta = best[0] = graph.start + scores[0]
    for t in range(1, len(scores)):
        incoming = delta.expand_as(graph.arcs).gather(2, graph.sources) + graph.arcs
        arrivals, ways[t] = incoming.max(0)
        delta = torch.add(arrivals, scores[t], out=best[t])
    return best, ways


def _trace(
    graph: Graph, ways: torch.Tensor, lengths: torch.Tensor, ends: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Follow the ways back from each utterance's last frame: states and ways (B, T)."""
    frames, utterances = ways.shape[:2]
    states = torch.full((frames, utterances), -1, dtype=torch.int64, device=ways.device)
    entered = torch.full_like(states, -1)
    table = graph.sources.movedim(1, 0).contiguous()  # from (way, state) to the state before
    rows = torch.arange(utterances, device=ways.device)
    state = torch.zeros_like(ends)
    for t in range(frames - 1, -1, -1):
        state = torch.where(lengths - 1 == t, ends, state)
        within = t < lengths
        states[t] = torch.where(within, state, -1)
        if t == 0:
            break
        way = ways[t, rows, state]
        entered[t] = torch.where(within, way, -1)
        state = table[rows, way, state]
    return states.T.contiguous(), entered.T.contiguous()
