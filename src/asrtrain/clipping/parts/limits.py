"""How large a block may be: by a threshold, or by its weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import final

import torch

from asrtrain.clipping.interface import State
from asrtrain.clipping.parts.blocks import Block
from asrtrain.clipping.parts.looking import free_to_look
from asrtrain.clipping.parts.places import Places
from asrtrain.clipping.thresholds.interface import Threshold


class Limits(ABC):
    """The limit of every block at every step."""

    @abstractmethod
    def next(self, blocks: Sequence[Block], norms: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
        """The limits of this step, each () or shaped like its block's norms. Called once a step."""

    @abstractmethod
    def state_dict(self) -> State:
        """What must survive a restart."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Take it back, bit for bit. Raises KeyError if it belongs to other limits."""

    def estimates(self) -> Mapping[str, torch.Tensor]:
        """What the limit of the only block was learned from, each (); nothing if there are several."""
        return {}


@final
class Alike(Limits):
    """Every block has a threshold of the same kind, which learns from the block's largest norm alone.

    One object holds them all, block by block in the order in which they were first seen.
    """

    def __init__(self, threshold: Threshold) -> None:
        self._threshold, self._places = threshold, Places()

    def next(self, blocks: Sequence[Block], norms: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
        names = tuple(block.name for block in blocks)
        largest = _to_learn_from(blocks, norms)
        known = torch.stack(largest) if len(largest) > 1 else largest[0].reshape(1)
        limits = self._threshold.next(self._places.spread(names, known))
        return self._places.picked(names, limits).unbind()

    def estimates(self) -> Mapping[str, torch.Tensor]:
        alone = len(self._places.names) == 1
        return {key: value[0] for key, value in self._threshold.estimates().items()} if alone else {}

    def state_dict(self) -> State:
        return self._places.by_name(self._threshold.state_dict())

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        self._threshold.load_state_dict(self._places.together(state))


@final
class Constant(Limits):
    """Every block has the same threshold at every step."""

    def __init__(self, value: float) -> None:
        self._value = value
        self._limits: dict[torch.device, torch.Tensor] = {}

    def next(self, blocks: Sequence[Block], norms: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
        device = norms[0].device
        if device not in self._limits:
            self._limits[device] = torch.tensor(self._value, dtype=torch.float64, device=device)
        return [self._limits[device]] * len(blocks)

    def state_dict(self) -> State:
        return {}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Nothing to take back."""


@final
class ByThreshold(Limits):
    """Every block has a threshold of its own, which learns from the block's largest norm alone.

    ``build`` makes the threshold of the block of a name, when it is first seen.
    """

    def __init__(self, build: Callable[[str], Threshold]) -> None:
        self._build = build
        self._thresholds: dict[str, Threshold] = {}

    def next(self, blocks: Sequence[Block], norms: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
        largest = _to_learn_from(blocks, norms)
        return [self._of(block.name).next(own) for block, own in zip(blocks, largest, strict=True)]

    def _of(self, name: str) -> Threshold:
        if name not in self._thresholds:
            self._thresholds[name] = self._build(name)
        return self._thresholds[name]

    def state_dict(self) -> State:
        return {f"{n}/{key}": value for n, t in self._thresholds.items() for key, value in t.state_dict().items()}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        blocks: dict[str, State] = {}
        for key, value in state.items():
            name, _, own = key.rpartition("/")
            blocks.setdefault(name, {})[own] = value
        self._thresholds = {}
        for name, own_state in blocks.items():
            self._of(name).load_state_dict(own_state)


@final
class ByWeights(Limits):
    """A block may be as large as a share of its weights, which count as no smaller than ``floor``.

    ``weigh`` gives their norm in the shape of the gradient's.
    """

    def __init__(self, share: float, floor: float, weigh: Callable[[Block], torch.Tensor] = Block.weight_norm) -> None:
        self._share, self._floor, self._weigh = share, floor, weigh

    def next(self, blocks: Sequence[Block], norms: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
        return [self._share * self._at_least(self._weigh(block)) for block in blocks]

    def _at_least(self, norm: torch.Tensor) -> torch.Tensor:
        return norm.clamp(min=min(self._floor, torch.finfo(norm.dtype).max))

    def state_dict(self) -> State:
        return {}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Nothing to take back."""


def _to_learn_from(blocks: Sequence[Block], norms: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """The largest norm of every block, each (); NaN for all if nobody could look, and any gradient is not finite."""
    largest = [norm if norm.ndim == 0 else norm.amax() for norm in norms]
    if free_to_look(norms[0]):
        return largest
    return [torch.where(b.gradients.finite, own, torch.nan) for b, own in zip(blocks, largest, strict=True)]
