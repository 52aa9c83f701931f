"""Where each utterance's frames lie in the tensors that pass through a model's modules.

Most modules see (B, T, H). Others say what they see by an attribute ``axes``: "BCT" where channels come first,
(B, C, T) or (B, C, T, F), as in convolutions; "BLC" where there are labels in place of frames. A recurrent layer's
backward half sees time reversed. Here all of them are seen as (B, T, K).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate
from operator import mul
from typing import Any, final

import torch
from torch import nn

from asrtrain.encoders.interface import Encoder
from asrtrain.encoders.masking import subsampled
from asrtrain.encoders.recurrence import RecurrentLayer, reverse
from asrtrain.types import Frames, Losses, Part, Scores

_TENSORS: dict[type, str] = {Frames: "values", Scores: "logits", Part: "per_utterance", Losses: "per_utterance"}
"""Of the records that modules take and give, the tensor that matters."""

_USUAL = "BTC"


@final
@dataclass(frozen=True, slots=True)
class Layout:
    """How a tensor of B utterances lies: ``lengths`` (B,) of their frames at its rate, ``frames`` padded ones.

    ``factor`` feature frames are one frame here. Without an axis of frames there is one frame, the whole utterance.
    """

    lengths: torch.Tensor
    frames: int
    factor: int
    axis: int | None
    reversed: bool = False

    def table(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor as (B, T, K), in the order of time; what lies beyond a length means nothing."""
        table = tensor.reshape(len(tensor), 1, -1) if self.axis is None else tensor.movedim(self.axis, 1).flatten(2)
        return reverse(table, self.lengths) if self.reversed else table

    def places(self, chosen: torch.Tensor, tensor: torch.Tensor) -> torch.Tensor:
        """Frames ``chosen`` (B, T), in the order of time, as a mask that broadcasts over the tensor."""
        if self.reversed:
            chosen = reverse(chosen.unsqueeze(2), self.lengths).squeeze(2)
        shape = [1] * tensor.dim()
        shape[0] = len(tensor)
        if self.axis is not None:
            shape[self.axis] = self.frames
        return chosen.view(shape)


@final
class Layouts:
    """The layouts of a model's tensors for one batch, of ``lengths`` (B,) feature frames padded to ``frames``."""

    def __init__(self, model: nn.Module, lengths: torch.Tensor, frames: int) -> None:
        self._lengths, self._frames = lengths, frames
        self._parents = {id(child): parent for parent in model.modules() for child in parent.children()}
        encoder = next((module for module in model.modules() if isinstance(module, Encoder)), None)
        strides = () if encoder is None else encoder.strides
        self._factors = tuple(accumulate(strides, mul, initial=1))

    def of(self, module: nn.Module, tensor: torch.Tensor) -> Layout | None:
        """How a tensor lies that goes into or comes out of ``module``; None where it cannot be told by utterance."""
        if tensor.dim() == 0 or len(tensor) != len(self._lengths):
            return None
        parent = self._parents.get(id(module))
        axes = _axes(module) or (None if parent is None else _axes(parent)) or _USUAL
        if tensor.dim() < 3 or "T" not in axes:
            return Layout(torch.ones_like(self._lengths), 1, self._frames, None)
        axis = axes.index("T")
        frames = tensor.shape[axis]
        factor = next((factor for factor in self._factors if -(-self._frames // factor) == frames), None)
        if factor is None and frames == 1:  # all frames joined into one
            factor = self._frames
        if factor is None:
            return None
        turned = isinstance(parent, RecurrentLayer) and parent.backwards is module
        return Layout(subsampled(self._lengths, factor), frames, factor, axis, reversed=turned)


def _axes(module: nn.Module) -> str | None:
    """What a module says of itself; PyTorch's convolutions say nothing, and have channels first."""
    said: str | None = getattr(module, "axes", None)
    return "BCT" if said is None and isinstance(module, nn.Conv1d | nn.Conv2d) else said


def given_tensor(value: Any) -> torch.Tensor | None:  # noqa: ANN401 - whatever a module gives
    """The tensor that matters among what a module gives: the first one of floating point; None if there is none."""
    if isinstance(value, tuple(_TENSORS)):
        return getattr(value, _TENSORS[type(value)])  # type: ignore[no-any-return]
    if isinstance(value, tuple):
        return next((found for part in value if (found := given_tensor(part)) is not None), None)
    return value if isinstance(value, torch.Tensor) and value.is_floating_point() else None


def with_tensor(value: Any, tensor: torch.Tensor) -> Any:  # noqa: ANN401 - whatever a module gives
    """The same with another tensor in the place of the one that matters."""
    if isinstance(value, Frames | Scores | Part | Losses):
        changed: dict[str, Any] = {_TENSORS[type(value)]: tensor}
        return replace(value, **changed)
    if isinstance(value, tuple):
        place = next(i for i, part in enumerate(value) if given_tensor(part) is not None)
        parts = (*value[:place], with_tensor(value[place], tensor), *value[place + 1 :])
        return type(value)(*parts) if hasattr(value, "_fields") else parts  # such as a packed sequence
    return tensor
