"""Scopes: which gradients share one norm."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal

import torch

from asrtrain.clipping.interface import Gradients
from asrtrain.clipping.measure import entries
from asrtrain.clipping.parts.blocks import Block
from asrtrain.clipping.parts.recurrent import gates_of, layer_of
from asrtrain.errors import UsageError

Scope = Literal["global", "layer", "gate", "tensor", "unit", "element"]
"""global: all gradients; layer: those of one module, in nn.LSTM and its like of one layer and direction; gate: the
rows of one gate there; tensor; unit: one row of a matrix or one output channel of a convolution, a bias as a whole;
element."""

Splitter = Callable[[Gradients], list[Block]]
"""Sorts the gradients of a step into blocks."""


def split_by(scope: Scope) -> Splitter:
    """The splitter of a scope."""
    return _SPLITTERS[scope]


def parts_tensors(scope: Scope) -> bool:
    """Whether a scope may part the elements of one tensor."""
    return scope in ("gate", "unit", "element")


def without(patterns: Sequence[str], split: Splitter) -> Splitter:
    """A splitter that leaves out every block in whose name a regular expression is found."""
    searches = [re.compile(pattern).search for pattern in patterns]
    return lambda gradients: [b for b in split(gradients) if not any(search(b.name) for search in searches)]


def split_by_pattern(patterns: Sequence[str]) -> Splitter:
    """A splitter into groups: the parameters in whose names a regular expression is found share a norm.

    It raises UsageError, naming the parameter, unless every one is found by exactly one expression.
    """
    searches = {pattern: re.compile(pattern).search for pattern in patterns}
    groups: dict[str, str] = {}

    def group_of(name: str) -> str:
        if name not in groups:
            found = [pattern for pattern, search in searches.items() if search(name)]
            if len(found) != 1:
                raise UsageError(f"clipping: {not_one_group(name, found)}")
            groups[name] = found[0]
        return groups[name]

    return lambda gradients: _gathered(gradients, [group_of(name) for name in gradients.names])


def not_one_group(name: str, found: Sequence[str]) -> str:
    """What is wrong where the expressions that find a parameter are not one, but none or several."""
    if not found:
        return f"no group covers the parameter {name}; add an expression that finds it"
    return (
        f"the groups {' and '.join(map(repr, found))} both cover the parameter {name}; "
        "make the expressions exclude each other"
    )


def _gathered(gradients: Gradients, labels: Sequence[str]) -> list[Block]:
    """One block for every label, of the tensors that bear it."""
    members: dict[str, list[int]] = {}
    for position, label in enumerate(labels):
        members.setdefault(label, []).append(position)
    return [_whole(gradients, label, tuple(positions)) for label, positions in members.items()]


def _whole(gradients: Gradients, name: str, positions: tuple[int, ...]) -> Block:
    tensors = tuple(gradients.tensors[i] for i in positions)
    weigh = partial(_weights, tuple(gradients.parameters[i] for i in positions))
    return Block(name, tensors, weigh, gradients, positions)


def _weights(parameters: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    return tuple(parameter.detach()[entries(parameter)] for parameter in parameters)


def _globally(gradients: Gradients) -> list[Block]:
    if not gradients.names:
        return []
    weigh = partial(_weights, gradients.parameters)
    return [Block("all", gradients.tensors, weigh, gradients, tuple(range(len(gradients.names))))]


def _by_layer(gradients: Gradients) -> list[Block]:
    return _gathered(gradients, [layer_of(name) for name in gradients.names])


def _by_tensor(gradients: Gradients) -> list[Block]:
    return _gathered(gradients, gradients.names)


def _by_unit(gradients: Gradients) -> list[Block]:
    return [replace(block, apart="rows") if block.tensors[0].ndim > 1 else block for block in _by_tensor(gradients)]


def _by_element(gradients: Gradients) -> list[Block]:
    return [replace(block, apart="elements") for block in _by_tensor(gradients)]


def _by_gate(gradients: Gradients) -> list[Block]:
    return [part for layer in _by_layer(gradients) for part in _gates(gradients, layer)]


def _gates(gradients: Gradients, layer: Block) -> list[Block]:
    """A recurrent layer's gates, and its projection if there is one; any other layer as it is."""
    own = {gradients.names[i].rpartition(".")[2]: i for i in layer.positions}
    gated = {name: i for name, i in own.items() if re.match(r"(weight|bias)_[ih]h_l", name)}
    gates = gates_of({name: gradients.parameters[i] for name, i in own.items()})
    if not gates:
        return [layer]
    parts = [_whole(gradients, f"{layer.name}.projection", (i,)) for name, i in own.items() if name not in gated]
    for number, gate in enumerate(gates):
        tensors = tuple(gradients.tensors[i].chunk(len(gates))[number] for i in gated.values())
        weigh = partial(_gate_weights, tuple(gradients.parameters[i] for i in gated.values()), len(gates), number)
        parts.append(Block(f"{layer.name}.{gate}", tensors, weigh, gradients, tuple(gated.values()), part=True))
    return parts


def _gate_weights(parameters: Sequence[torch.Tensor], gates: int, number: int) -> tuple[torch.Tensor, ...]:
    return tuple(parameter.detach().chunk(gates)[number] for parameter in parameters)


_SPLITTERS: Mapping[Scope, Splitter] = {
    "global": _globally,
    "layer": _by_layer,
    "gate": _by_gate,
    "tensor": _by_tensor,
    "unit": _by_unit,
    "element": _by_element,
}
