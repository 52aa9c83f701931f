"""Segmental (Viterbi) training: the best path counts as if it were the only one."""

from __future__ import annotations

import torch

from asrtrain.hmm.forward_backward import Posteriors
from asrtrain.hmm.graph import Graph
from asrtrain.hmm.viterbi import BestPaths


def path_posteriors(graph: Graph, paths: BestPaths) -> Posteriors:
    """The best paths as posteriors that are 0 or 1; for graphs without a loop."""
    possible = paths.possible
    inside = (paths.states >= 0) & possible[:, None]
    places = paths.states.clamp(min=0)
    states = torch.zeros(*places.shape, graph.emissions.shape[1], dtype=torch.float64, device=places.device)
    states.scatter_(2, places[:, :, None], inside.double()[:, :, None])
    arcs = torch.zeros_like(graph.arcs)
    rows, frames = (inside & (paths.ways >= 0)).nonzero(as_tuple=True)
    index = (paths.ways[rows, frames], rows, places[rows, frames])
    arcs.index_put_(index, torch.ones(len(rows), dtype=torch.float64, device=arcs.device), accumulate=True)
    last = places.gather(1, (paths.states >= 0).sum(1, keepdim=True) - 1)
    ends = torch.zeros_like(graph.stop).scatter_(1, last, possible.double()[:, None])
    return Posteriors(paths.scores, states, arcs, ends)
