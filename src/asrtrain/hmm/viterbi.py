"""The best path through a batch of state graphs (Viterbi, 1967), in logarithms; one step a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch

from asrtrain.hmm.graph import POSSIBLE, Graph, scores_of_states


@final
@dataclass(frozen=True, slots=True)
class BestPaths:
    """The best path of each utterance: ``scores`` (B,) float64, ``states`` (B, T) int64 (states of the graph, −1 beyond
    each length), ``ways`` (B, T) by which each state was entered: the number of the arc, K for the loop, −1 at the
    first frame and beyond each length.
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
    best, ways, leavers = _search(graph, scores)
    rows = torch.arange(len(lengths), device=lengths.device)
    totals, ends = (best[lengths - 1, rows] + graph.stop).max(1)
    states, entered = _trace(graph, ways, leavers, lengths, ends)
    return BestPaths(totals, states, entered)


def _search(graph: Graph, scores: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """Best scores and the ways they came by, (T, B, N) each; and who left for the loop best, (T, B)."""
    ways = torch.zeros(scores.shape, dtype=torch.int64, device=scores.device)
    leavers = torch.zeros(scores.shape[:2], dtype=torch.int64, device=scores.device)
    best = torch.empty_like(scores)
    delta = best[0] = graph.start + scores[0]
    for t in range(1, len(scores)):
        incoming = delta.expand_as(graph.arcs).gather(2, graph.sources) + graph.arcs
        arrivals, ways[t] = incoming.max(0)
        if graph.leave is not None and graph.enter is not None:
            hub, leavers[t] = (delta + graph.leave).max(1)
            looped = hub[:, None] + graph.enter
            ways[t].masked_fill_(looped > arrivals, len(graph.arcs))
            arrivals = torch.maximum(arrivals, looped)
        delta = torch.add(arrivals, scores[t], out=best[t])
    return best, ways, None if graph.leave is None else leavers


def _trace(
    graph: Graph, ways: torch.Tensor, leavers: torch.Tensor | None, lengths: torch.Tensor, ends: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Follow the ways back from each utterance's last frame: states and ways (B, T)."""
    frames, utterances = ways.shape[:2]
    states = torch.full((frames, utterances), -1, dtype=torch.int64, device=ways.device)
    entered = torch.full_like(states, -1)
    # One table from (way, state) to the state before; the loop's row is filled frame by frame.
    table = torch.cat([graph.sources, torch.zeros_like(graph.sources[:1])]).movedim(1, 0).contiguous()
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
        before = table[rows, way, state]
        state = before if leavers is None else torch.where(way == len(graph.arcs), leavers[t], before)
    return states.T.contiguous(), entered.T.contiguous()
