"""Recurrent layers run piece by piece along time, so that something can happen to the state between the pieces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from asrtrain.clipping.parts.inside import Change, recurrent_modules
from asrtrain.errors import UsageError

State = torch.Tensor | tuple[torch.Tensor, ...]
"""Of a recurrent layer: (layers, B, H), and in an LSTM another one for the cells."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """What each tensor of the state goes through after every ``every`` frames, counted from the first."""

    every: int
    through: Change


def link(model: nn.Module, rule: str, own: Link) -> Callable[[], None]:
    """Let the state of every recurrent layer go through a link; returns what takes the link away again.

    Outputs stay the same, to the bit on processors whose matrix products are the same of some rows and of all, without
    dropout between the layers of one module: its masks would be drawn piece by piece. Raises UsageError if there are no
    recurrent layers, or bidirectional ones.
    """
    modules = recurrent_modules(model, rule)
    if any(module.bidirectional for module in modules):
        raise UsageError(
            f"the clipping rule {rule} follows one direction of time, and the model has a bidirectional "
            "torch module; write it as two one-way modules, as asrtrain's models do, or remove the rule"
        )
    for module in modules:
        if not isinstance(module.forward, InPieces):
            module.forward = InPieces(module)
        module.forward.links.append(own)

    def take_away() -> None:
        for module in modules:
            if isinstance(module.forward, InPieces) and own in module.forward.links:
                module.forward.links.remove(own)
                if not module.forward.links:
                    module.forward.give_back()

    return take_away


@final
class InPieces:
    """A recurrent layer's ``forward``, cut wherever one of ``links`` wants it."""

    def __init__(self, module: nn.RNNBase) -> None:
        self._module, self._forward = module, module.forward
        self._own = "forward" in vars(module)
        self.links: list[Link] = []

    def give_back(self) -> None:
        """Leave the layer as it was."""
        if self._own:
            self._module.forward = self._forward
        else:
            del self._module.forward

    def __call__(self, frames: torch.Tensor, state: State | None = None) -> tuple[torch.Tensor, State]:
        """(B, T, F), (T, B, F) or (T, F), as the layer has it, to the same with H."""
        if isinstance(frames, PackedSequence):
            raise UsageError("a clipping rule cuts the recurrence along time, and found a packed sequence; pad it")
        time = 1 if self._module.batch_first and frames.ndim == 3 else 0
        cuts = [t for t in range(1, frames.shape[time]) if any(t % one.every == 0 for one in self.links)]
        if not cuts or not torch.is_grad_enabled():
            first: tuple[torch.Tensor, State] = self._forward(frames, state)
            return first
        pieces = frames.tensor_split(cuts, dim=time)
        output, state = self._forward(pieces[0], state)
        outputs = [output]
        for frame, piece in zip(cuts, pieces[1:], strict=True):
            output, state = self._forward(piece, self._linked(state, frame))
            outputs.append(output)
        # Frame by frame in memory, as the layer itself leaves them, which decides what dropout drops.
        return torch.cat([piece.movedim(time, 0) for piece in outputs]).movedim(0, time), state

    def _linked(self, state: State, frame: int) -> State:
        """The state after so many frames, as it is handed on."""
        for one in self.links:
            if frame % one.every == 0:
                state = one.through(state) if isinstance(state, torch.Tensor) else tuple(map(one.through, state))
        return state
