"""Rules that multiply every block of gradients by a number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import final

import torch

from asrtrain.clipping.interface import Action, ClipRule, Gradients, State
from asrtrain.clipping.parts.blocks import Block
from asrtrain.clipping.parts.constants import constants
from asrtrain.clipping.parts.limits import Limits
from asrtrain.clipping.parts.looking import certainly, free_to_look
from asrtrain.clipping.parts.scopes import Splitter
from asrtrain.clipping.parts.turning import Rows, turned

Coefficient = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""From norms and limits of one shape, the numbers to multiply by; 1 for an infinite limit, and finite always."""


_TINY, _HUGE = torch.finfo(torch.float32).tiny, torch.finfo(torch.bfloat16).max
_FINE = {torch.float32, torch.float64}
"""The types in which norms follow from a multiplication; half precision rounds too coarsely, and is measured again."""


def shorten(norm: torch.Tensor, limit: torch.Tensor) -> torch.Tensor:
    """min(1, limit / norm): exactly 1 up to the limit."""
    return torch.where(norm > limit, limit / norm, torch.ones_like(norm))


@final
class Scaling(ClipRule):
    """g ← g · coefficient(norm, limit), block by block. ``measure`` says what norm a block has."""

    def __init__(
        self,
        split: Splitter,
        limits: Limits,
        coefficient: Coefficient = shorten,
        measure: Callable[[Block], torch.Tensor] = Block.norm,
        *,
        turns: bool = False,
        takes_shards: bool = False,
    ) -> None:
        """``turns`` says that the splitter may part the elements of one tensor; ``takes_shards``, that blocks are
        measured by what is known of whole tensors, and not by the elements that are here.
        """
        self._split, self._limits, self._coefficient, self._measure = split, limits, coefficient, measure
        self._turns, self._takes_shards = turns, takes_shards

    @property
    def turns(self) -> bool:
        return self._turns

    @property
    def takes_shards(self) -> bool:
        return self._takes_shards and not self._turns

    def apply(self, gradients: Gradients) -> Action:
        blocks = self._split(gradients)
        if not blocks:
            return Action(torch.full_like(gradients.total, float("inf")), None, gradients.norms)
        if blocks[0].is_everything:
            return self._apply_to_all(gradients, blocks[0])
        norms = [self._measure(block) for block in blocks]
        limits = [limit.expand_as(norm) for limit, norm in zip(self._limits.next(blocks, norms), norms, strict=True)]
        flat, flat_limits = _flat(norms), _flat(limits)
        largest = flat_limits.amax().double()
        if self._coefficient is shorten and certainly((flat <= flat_limits).all()):
            return Action(largest, None, gradients.norms)
        coefficients = _of_finite(self._coefficient(flat, flat_limits), gradients)
        if certainly((coefficients == 1).all()):
            return Action(largest, None, gradients.norms)
        own = [c.view_as(n) for c, n in zip(torch.split(coefficients, [n.numel() for n in norms]), norms, strict=True)]
        if self._turns:
            return _scale_parts(gradients, blocks, own, largest)
        return scale_tensors(gradients, _per_tensor(gradients, blocks, own), largest)

    def _apply_to_all(self, gradients: Gradients, block: Block) -> Action:
        """The commonest case, in as few operations as can be: on small models they take longer than the arithmetic."""
        norm = self._measure(block)
        (limit,) = self._limits.next([block], [norm])
        if not free_to_look(norm):
            return scale_all(gradients, _of_finite(self._coefficient(norm, limit), gradients), limit)
        if self._coefficient is not shorten:
            return scale_all(gradients, float(self._coefficient(norm, limit)), limit)
        length, most = float(norm), float(limit)
        return scale_all(gradients, most / length if length > most else 1.0, limit)

    def estimates(self) -> Mapping[str, torch.Tensor]:
        return self._limits.estimates()

    def state_dict(self) -> State:
        return self._limits.state_dict()

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        self._limits.load_state_dict(state)


def _of_finite(coefficients: torch.Tensor, gradients: Gradients) -> torch.Tensor:
    """1 for gradients that are not finite, where nobody could look."""
    if free_to_look(coefficients):
        return coefficients
    return torch.where(gradients.finite, coefficients, torch.ones_like(coefficients))


def scale_all(gradients: Gradients, coefficient: torch.Tensor | float, threshold: torch.Tensor) -> Action:
    """Multiply all tensors in place by one number, plain where it is free to look: the whole keeps its direction."""
    if coefficient == 1.0 if isinstance(coefficient, float) else certainly(coefficient == 1):
        return Action(threshold, None, gradients.norms)
    tensors, kinds = list(gradients.tensors), {tensor.dtype for tensor in gradients.tensors}
    if isinstance(coefficient, float):
        share = constants(gradients.total.device).one
        for factor in _plain_factors(coefficient):
            # A factor of the gradients' own type is twice as fast as a plain number.
            own = gradients.total.float().fill_(factor) if kinds == {torch.float32} else factor
            torch._foreach_mul_(tensors, own)
    else:
        share = (coefficient != 1).double()
        for part in _factors(coefficient):
            torch._foreach_mul_(tensors, part)
    return Action(threshold, share, gradients.norms * coefficient if kinds <= _FINE else None, straight=True)


def scale_tensors(gradients: Gradients, coefficients: torch.Tensor, threshold: torch.Tensor) -> Action:
    """Multiply every tensor in place by a number of its own, coefficients (N,); the norms follow from that."""
    changed, kinds = ((coefficients != 1) * _sizes(gradients)).sum(), {tensor.dtype for tensor in gradients.tensors}
    _multiply(gradients.tensors, coefficients)
    share = changed / max(1, gradients.size)
    return Action(threshold, share, gradients.norms * coefficients if kinds <= _FINE else None)


def _plain_factors(coefficient: float) -> tuple[float, ...]:
    """As ``_factors``, of a plain number."""
    first = min(max(coefficient, _TINY), _HUGE)
    return (coefficient,) if first == coefficient else (first, min(coefficient / first, _HUGE))


def _factors(coefficient: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """One or two numbers to multiply by one after the other, whose product is the coefficient.

    One that is too small or too large for float32 needs two, so that 1e30 reaches 1e-20, and 1e-45 reaches 1. Where
    reading the numbers would make the device wait, there are always two, of which the second is mostly one.
    """
    first = coefficient.clamp(min=_TINY, max=min(_HUGE, torch.finfo(coefficient.dtype).max))
    return (coefficient,) if certainly((coefficient == first).all()) else (first, coefficient / first)


def _multiply(tensors: Sequence[torch.Tensor], coefficients: torch.Tensor) -> None:
    for factor in _factors(coefficients):
        if not free_to_look(factor):
            torch._foreach_mul_(list(tensors), list(factor.unbind()))
            continue
        for tensor, own in zip(tensors, factor.tolist(), strict=True):
            if own != 1:  # not even a multiplication: a strict no-op, and a pass over memory saved
                tensor.mul_(own)


def _per_tensor(gradients: Gradients, blocks: Sequence[Block], own: Sequence[torch.Tensor]) -> torch.Tensor:
    """The coefficient of each tensor, (N,): that of its block, or 1 if it is in none."""
    coefficients = [torch.ones_like(own[0])] * len(gradients.names)
    for block, coefficient in zip(blocks, own, strict=True):
        for position in block.positions:
            coefficients[position] = coefficient
    return torch.stack(coefficients)


def _scale_parts(
    gradients: Gradients, blocks: Sequence[Block], own: Sequence[torch.Tensor], threshold: torch.Tensor
) -> Action:
    """Multiply parts of tensors in place, each by a number of its own."""
    changed = [(coefficient != 1).sum() * block.size for block, coefficient in zip(blocks, own, strict=True)]
    coefficients = _for_tensors(blocks, own)

    def change(i: int, rows: Rows, piece: torch.Tensor) -> None:
        if i in coefficients:
            coefficient = coefficients[i]
            for factor in _factors(coefficient[rows] if coefficient.ndim else coefficient):
                piece.mul_(factor if piece.element_size() < 4 else factor.to(piece.dtype))

    return turned(gradients, change, threshold, torch.stack(changed).sum() / max(1, gradients.size))


def _for_tensors(blocks: Sequence[Block], own: Sequence[torch.Tensor]) -> dict[int, torch.Tensor]:
    """The coefficients of each tensor, () or in a shape that multiplies it; those of its parts one after the other."""
    found: dict[int, list[torch.Tensor]] = {}
    for block, coefficient in zip(blocks, own, strict=True):
        for position, tensor in zip(block.positions, block.tensors, strict=True):
            whole = coefficient if not block.part else coefficient.expand(len(tensor), *[1] * (tensor.ndim - 1))
            found.setdefault(position, []).append(whole)
    return {position: c[0] if len(c) == 1 else torch.cat(c) for position, c in found.items()}


def _flat(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    return tensors[0].reshape(-1) if len(tensors) == 1 else torch.cat([tensor.reshape(-1) for tensor in tensors])


def _sizes(gradients: Gradients) -> torch.Tensor:
    return _sizes_on(gradients.total.device, gradients.sizes)


@lru_cache(maxsize=16)
def _sizes_on(device: torch.device, sizes: tuple[int, ...]) -> torch.Tensor:
    """Kept, since bringing it to a device makes the host wait."""
    return torch.tensor(sizes, device=device)
