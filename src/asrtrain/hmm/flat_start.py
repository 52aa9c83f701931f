"""Where training begins when nobody has said where words begin: every utterance shared out evenly among its states."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from asrtrain.hmm.composition import Link
from asrtrain.hmm.forward_backward import Posteriors
from asrtrain.hmm.graph import IMPOSSIBLE, Graph


def even_posteriors(graph: Graph, links: Sequence[Sequence[Link]], lengths: torch.Tensor) -> Posteriors:
    """One-hot posteriors for the graphs of ``links`` (one sequence an utterance).

    Links that may be absent are silence: at both ends of the utterance they have a frame a state, between words none;
    all other states have equal shares of the rest. Too short an utterance counts as one without a path.
    """
    utterances, size = graph.emissions.shape
    states = torch.zeros(utterances, int(lengths.max()), size, dtype=torch.float64, device=lengths.device)
    scores = torch.zeros(utterances, dtype=torch.float64, device=lengths.device)
    for row, (sequence, length) in enumerate(zip(links, lengths.tolist(), strict=True)):
        path = _even_path(sequence, length)
        if path is None:
            scores[row] = IMPOSSIBLE
        else:
            states[row, torch.arange(length), path] = 1.0
    return Posteriors(scores, states, torch.zeros_like(graph.arcs), torch.zeros_like(graph.start))


def _even_path(links: Sequence[Link], length: int) -> torch.Tensor | None:
    places: list[int] = []
    before: list[int] = []
    after: list[int] = []
    first = 0
    for number, link in enumerate(links):
        own = list(range(first, first + len(link.emissions)))
        first += len(own)
        if link.presence == 1:
            places += own
        elif number == 0:
            before = own
        elif number == len(links) - 1:
            after = own
    inside = length - len(before) - len(after)
    if inside < len(places):
        return None
    shares = (torch.arange(inside) * len(places)).div(inside, rounding_mode="floor")
    return torch.cat(
        [torch.tensor(before, dtype=torch.int64), torch.tensor(places)[shares], torch.tensor(after, dtype=torch.int64)]
    )
