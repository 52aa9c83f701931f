"""Rules that turn gradients, and what they tell about it: what was there before is compared with what is there after.

The work is done in pieces that fit the processor's cache: what costs time is the way to the memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import EllipsisType

import torch

from asrtrain.clipping.interface import Action, Gradients
from asrtrain.clipping.measure import tensor_norms
from asrtrain.clipping.parts.looking import certainly, free_to_look

Rows = slice | EllipsisType
Change = Callable[[int, Rows, torch.Tensor], None]
"""Changes some rows of a gradient in place: the gradient's place, which rows, and the rows themselves."""

_PIECE = 65_536
"""Elements in a piece: a few copies of it fit the second-level cache."""


def turned(gradients: Gradients, change: Change, threshold: torch.Tensor, share: torch.Tensor | None = None) -> Action:
    """Change every gradient, and tell what that did; ``share`` () where it is known how many elements change.

    Where nobody could look whether the gradients are finite, those that are not are put back as they were.
    """
    look, dot = free_to_look(gradients.total), _dot_for(gradients)
    products, pieces, changed = list[torch.Tensor](), list[int](), [torch.zeros((), device=gradients.total.device)]
    for i, tensor in enumerate(gradients.tensors):
        before_this = len(products)
        for rows, piece in _pieces(tensor):
            before = piece.clone()
            change(i, rows, piece)
            if not look:
                piece.copy_(torch.where(gradients.finite, piece, before))
            products.append(dot(before.reshape(-1), piece.reshape(-1)))
            if share is None:
                changed.append(_unequal(before, piece))
        pieces.append(len(products) - before_this)
    norms = tensor_norms(gradients.tensors, gradients.shards)
    lengths = gradients.norms * norms
    whole_products = gradients.of_all(_sums(products, pieces))
    cosines = torch.where(lengths > 0, whole_products / lengths, torch.ones_like(lengths))
    if share is None:
        share = gradients.of_all(torch.stack(changed).double().sum()) / max(1, gradients.size)
    return Action(threshold, torch.where(gradients.finite, share, torch.zeros_like(share)), norms, cosines=cosines)


def _sums(products: Sequence[torch.Tensor], pieces: Sequence[int]) -> torch.Tensor:
    """The sum of every tensor's pieces, (N,) float64."""
    numbers = torch.stack(list(products)).double()
    if len(products) == len(pieces):
        return numbers
    return torch.stack([part.sum() for part in torch.split(numbers, list(pieces))])


def _pieces(tensor: torch.Tensor) -> Iterator[tuple[Rows, torch.Tensor]]:
    if tensor.ndim == 0 or not free_to_look(tensor) or tensor.numel() <= _PIECE:
        yield ..., tensor
        return
    rows = max(1, _PIECE * len(tensor) // tensor.numel())
    for start in range(0, len(tensor), rows):
        yield slice(start, start + rows), tensor[start : start + rows]


def _dot_for(gradients: Gradients) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """The inner product: of float32 as it is where it is known that squares neither overflow nor vanish."""
    norms = gradients.norms
    moderate = certainly(((norms == 0) | ((norms > 1e-15) & (norms < 1e15))).all())
    halves = any(tensor.element_size() < 4 for tensor in gradients.tensors)
    return torch.dot if moderate and not halves else _wide_dot


def _wide_dot(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    return torch.dot(left.double(), right.double())


def _unequal(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """In how many elements two tensors differ, (); counted as numbers, which is faster than as truth values."""
    return torch.ne(left, right, out=torch.empty(left.shape, device=left.device)).sum()
