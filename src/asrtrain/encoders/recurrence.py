"""Recurrent layers over padded batches.

A bidirectional layer is two one-way layers; the backward one reads every utterance reversed within its own length, so
that padding comes last for both and never reaches a real frame. On the CPU this is 4 to 5 times faster than packed
sequences and gives the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import torch
from torch import nn

from asrtrain.encoders.autocast import has_half, in_half, under_autocast
from asrtrain.encoders.dropout import Dropout
from asrtrain.encoders.linear import Linear

Cell = Callable[[int, int], nn.RNNBase]
"""Builds a one-way recurrent layer, batch first, from its input and hidden sizes."""


def reverse(frames: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Every utterance backwards within its length, padding in place: (B, T, H) to (B, T, H). Its own inverse."""
    batch, time, size = frames.shape
    forwards = torch.arange(time, device=frames.device).unsqueeze(1)
    backwards = torch.where(forwards < lengths, lengths - 1 - forwards, forwards)
    rows = (backwards * batch + torch.arange(batch, device=frames.device)).flatten()
    # Rows of a flat matrix: six times faster than gather along time. Frame by frame, as recurrent kernels read and
    # write them, so that nothing has to be copied in between.
    flat = frames.transpose(0, 1).reshape(time * batch, size)
    if flat.requires_grad and torch.is_grad_enabled():
        turned: torch.Tensor = _Reordered.apply(flat, rows)  # type: ignore[no-untyped-call]
    else:
        turned = flat.index_select(0, rows)  # what exporters know
    return turned.view(time, batch, size).transpose(0, 1)


@final
class _Reordered(torch.autograd.Function):
    """The rows of a matrix in an order that is its own inverse, and so the order of the gradient's rows too.

    PyTorch cannot know that no row comes twice, and adds gradients up row by row.
    """

    @staticmethod
    def forward(ctx: Any, matrix: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:  # noqa: ANN401 - torch's own
        ctx.save_for_backward(rows)
        return matrix.index_select(0, rows)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:  # noqa: ANN401 - torch's own
        (rows,) = ctx.saved_tensors
        return _Reordered.apply(gradient, rows), None  # type: ignore[no-untyped-call]


def _joined(forwards: torch.Tensor, backwards: torch.Tensor) -> torch.Tensor:
    """Both directions of every frame, side by side, laid out frame by frame as they come."""
    return torch.cat([forwards.transpose(0, 1), backwards.transpose(0, 1)], dim=2).transpose(0, 1)


def hidden_states(cell: nn.RNNBase, frames: torch.Tensor) -> torch.Tensor:
    """Run a one-way layer: (B, T, F) to (B, T, H).

    Under autocast it stays in float32 where an LSTM could not run at all: in bf16 without instructions for it, in fp16.
    """
    if under_autocast(frames) and not has_half():
        with torch.autocast("cpu", enabled=False):
            hidden: torch.Tensor = cell(frames.float())[0]
    else:
        hidden = cell(frames)[0]
    return hidden


def _rounded(cell: nn.RNNBase, frames: torch.Tensor) -> torch.Tensor:
    """Features as autocast would round them, once for both directions; not for GRUs, whose state takes their type."""
    if frames.requires_grad or isinstance(cell, nn.GRU) or not in_half(frames):
        return frames
    return frames.to(torch.get_autocast_dtype("cpu"))


@final
class RecurrentLayer(nn.Module):
    """One recurrent layer in one or both directions, an optional linear projection, dropout.

    (B, T, F) and lengths (B,) to (B, T, ``output_size``).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        cell: Cell,
        *,
        bidirectional: bool,
        projection: int | None,
        dropout: float,
    ) -> None:
        super().__init__()
        self.forwards = cell(input_size, hidden_size)
        self.backwards = cell(input_size, hidden_size) if bidirectional else None
        joined = hidden_size * (2 if bidirectional else 1)
        self.projection = None if projection is None else Linear(joined, projection)
        self.dropout = Dropout(dropout)
        self.output_size = projection or joined

    def forward(self, frames: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """The hidden states of every frame; beyond a length they mean nothing."""
        if self.backwards is None:
            hidden = hidden_states(self.forwards, frames)
        else:
            frames = _rounded(self.forwards, frames)
            behind = hidden_states(self.backwards, reverse(frames, lengths))
            hidden = _joined(hidden_states(self.forwards, frames), reverse(behind, lengths))
        if self.projection is not None:
            hidden = self.projection(hidden)
        dropped: torch.Tensor = self.dropout(hidden)
        return dropped


def recurrent_layers(
    input_size: int,
    hidden_size: int,
    cell: Cell,
    *,
    num_layers: int,
    bidirectional: bool,
    projection: int | None,
    dropout: float,
) -> list[RecurrentLayer]:
    """Layers to be run one after the other, with dropout between them (none after the last)."""
    layers: list[RecurrentLayer] = []
    for index in range(num_layers):
        layers.append(
            RecurrentLayer(
                layers[-1].output_size if layers else input_size,
                hidden_size,
                cell,
                bidirectional=bidirectional,
                projection=projection,
                dropout=dropout if index + 1 < num_layers else 0.0,
            )
        )
    return layers
