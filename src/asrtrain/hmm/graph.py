"""State graphs: which state may follow which, for a batch of utterances at once, as sparse tensors.

Shape letters beside those of ``asrtrain.types``: S emission distributions (states of the model, tied over all graphs),
N states of a graph, K ways into a state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar, final

import numpy as np
import numpy.typing as npt
import torch

T = TypeVar("T", np.int64, np.float64)

STAY, NEXT, SKIP = 0, 1, 2
"""The kinds of transition that a state has probabilities for: the columns of ``transitions`` (S, 3)."""

IMPOSSIBLE = -1e30
"""The logarithm that stands for probability 0: finite, so that sums of it have gradients and are never NaN."""

POSSIBLE = -1e29
"""Whatever lies below has probability 0."""


@final
@dataclass(frozen=True, slots=True)
class Arc:
    """One way from a state to another: the source's transition of this kind, times exp(``weight``)."""

    source: int
    target: int
    kind: int
    weight: float = 0.0


@final
@dataclass(frozen=True, slots=True)
class StateGraph:
    """The graph of one utterance. ``emissions`` (N,) says which distribution each state has.

    ``sources``, ``kinds`` and ``weights`` (K, N) list the ways into each state; ``start`` (N,) are the logarithms of
    beginning in a state, ``stop`` (N,) of ending after it (beside its transition NEXT). ``leave`` and ``enter`` (N,)
    make a loop: whoever leaves (by NEXT) may enter anywhere on the following frame.
    """

    emissions: npt.NDArray[np.int64]
    sources: npt.NDArray[np.int64]
    kinds: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]
    start: npt.NDArray[np.float64]
    stop: npt.NDArray[np.float64]
    leave: npt.NDArray[np.float64] | None = None
    enter: npt.NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.emissions)


def state_graph(
    emissions: Sequence[int],
    arcs: Sequence[Arc],
    start: dict[int, float],
    stop: dict[int, float],
    *,
    leave: dict[int, float] | None = None,
    enter: dict[int, float] | None = None,
) -> StateGraph:
    """A graph from its arcs; states that ``start``, ``stop``, ``leave`` and ``enter`` do not name cannot do it."""
    size = len(emissions)
    ways: list[list[Arc]] = [[] for _ in range(size)]
    for arc in arcs:
        ways[arc.target].append(arc)
    shape = (max(map(len, ways), default=1) or 1, size)
    sources, kinds = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    weights = np.full(shape, IMPOSSIBLE)
    for target, into in enumerate(ways):
        for place, arc in enumerate(into):
            sources[place, target], kinds[place, target], weights[place, target] = arc.source, arc.kind, arc.weight
    return StateGraph(
        np.array(emissions, np.int64),
        sources,
        kinds,
        weights,
        _logarithms(start, size),
        _logarithms(stop, size),
        None if leave is None else _logarithms(leave, size),
        None if enter is None else _logarithms(enter, size),
    )


def union(graphs: Sequence[StateGraph]) -> StateGraph:
    """Graphs side by side, without a way from one to another; none of them is a loop."""
    ways = max(len(graph.sources) for graph in graphs)
    firsts = np.cumsum([0, *map(len, graphs[:-1])])

    def wide(rows: npt.NDArray[T], value: float) -> npt.NDArray[T]:
        return np.pad(rows, ((0, ways - len(rows)), (0, 0)), constant_values=value)

    return StateGraph(
        np.concatenate([graph.emissions for graph in graphs]),
        np.concatenate([wide(g.sources, 0) + first for g, first in zip(graphs, firsts, strict=True)], 1),
        np.concatenate([wide(graph.kinds, 0) for graph in graphs], 1),
        np.concatenate([wide(graph.weights, IMPOSSIBLE) for graph in graphs], 1),
        np.concatenate([graph.start for graph in graphs]),
        np.concatenate([graph.stop for graph in graphs]),
    )


@final
@dataclass(frozen=True, slots=True)
class Graph:
    """The graphs of a batch with the model's transitions put in: emissions (B, N), sources (K, B, N), and logarithms
    (float64) ``arcs`` (K, B, N), ``start``, ``stop``, ``leave``, ``enter`` (B, N).

    ``owners`` (K, B, N) and ``kinds`` (K, B, N) say whose transition an arc is and of which kind, for counting.
    """

    emissions: torch.Tensor
    sources: torch.Tensor
    owners: torch.Tensor
    kinds: torch.Tensor
    arcs: torch.Tensor
    start: torch.Tensor
    stop: torch.Tensor
    leave: torch.Tensor | None = None
    enter: torch.Tensor | None = None


def batched(graphs: Sequence[StateGraph], transitions: torch.Tensor, tying: torch.Tensor | None = None) -> Graph:
    """Pad graphs to one batch, and put in the model's ``transitions`` (S, 3), logarithms, on whose device it lies.

    ``tying`` (L,) int64 says which of the S distributions each of the states that the graphs name has; None: its own.
    Either all of the graphs are loops, or none is.
    """
    size, ways = max(map(len, graphs)), max(len(graph.sources) for graph in graphs)
    device = transitions.device
    emissions = torch.from_numpy(_padded([graph.emissions for graph in graphs], (size,), 0)).to(device)
    if tying is not None:
        emissions = tying[emissions]
    sources = torch.from_numpy(_padded([graph.sources for graph in graphs], (ways, size), 0)).to(device).movedim(1, 0)
    kinds = torch.from_numpy(_padded([graph.kinds for graph in graphs], (ways, size), 0)).to(device).movedim(1, 0)
    weights = _padded([graph.weights for graph in graphs], (ways, size), IMPOSSIBLE)
    logs = transitions.double()
    onward = logs[:, NEXT][emissions]
    owners = emissions.expand(ways, -1, -1).gather(2, sources)

    def row(values: list[npt.NDArray[np.float64]]) -> torch.Tensor:
        return torch.from_numpy(_padded(values, (size,), IMPOSSIBLE)).to(device)

    leaves = [graph.leave for graph in graphs if graph.leave is not None]
    enters = [graph.enter for graph in graphs if graph.enter is not None]
    return Graph(
        emissions,
        sources.contiguous(),
        owners,
        kinds.contiguous(),
        (torch.from_numpy(weights).to(device).movedim(1, 0) + logs[owners, kinds]).contiguous(),
        row([graph.start for graph in graphs]),
        row([graph.stop for graph in graphs]) + onward,
        row(leaves) + onward if leaves else None,
        row(enters) if enters else None,
    )


def scores_of_states(emissions: torch.Tensor, graph: Graph) -> torch.Tensor:
    """What each state of each graph thinks of each frame: (B, T, S) to (T, B, N) float64."""
    index = graph.emissions[:, None, :].expand(-1, emissions.shape[1], -1)
    return emissions.gather(2, index).transpose(0, 1).double().contiguous()


def _logarithms(values: dict[int, float], size: int) -> npt.NDArray[np.float64]:
    row = np.full(size, IMPOSSIBLE)
    for place, value in values.items():
        row[place] = value
    return row


def _padded(arrays: Sequence[npt.NDArray[np.generic]], shape: tuple[int, ...], value: float) -> npt.NDArray[np.generic]:
    padded = np.full((len(arrays), *shape), value, arrays[0].dtype)
    for row, array in zip(padded, arrays, strict=True):
        row[tuple(slice(0, length) for length in array.shape)] = array
    return padded
