"""A one-way LSTM layer that is as fast with an odd number of inputs as with an even one."""

from __future__ import annotations

from typing import cast, final

import torch
from torch import nn
from torch.nn import functional

from asrtrain.models.autocast import has_half, has_matrix_units, under_autocast

State = tuple[torch.Tensor, torch.Tensor]

TOGETHER = 8
"""Inputs are filled up to a multiple of this: two would do for the forward pass, eight suit the backward pass too."""


@final
class LSTM(nn.LSTM):
    """PyTorch's, batch first: (B, T, F) and a state, by default zero, to (B, T, H) and the state after it.

    In bf16 oneDNN hands inputs to matrix units by pairs. It does not use them at all for an odd number, which MFCCs and
    their slopes mostly are, and takes three times as long forwards. They get some more here, which are always zero.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size, batch_first=True)

    def forward(self, frames: torch.Tensor, state: State | None = None) -> tuple[torch.Tensor, State]:
        odd = self.input_size % 2 == 1
        if odd and under_autocast(frames) and has_half() and has_matrix_units():
            return self._filled_up(frames, state)
        hidden, after = super().forward(frames, state)  # type: ignore[has-type] # overloaded there
        return hidden, after

    def _filled_up(self, frames: torch.Tensor, state: State | None) -> tuple[torch.Tensor, State]:
        more = (0, -self.input_size % TOGETHER)
        by_frame = functional.pad(frames.transpose(0, 1), more)  # as oneDNN reads them: nothing has to be copied again
        first, *rest = cast(list[torch.Tensor], self._flat_weights)
        zero = frames.new_zeros(1, len(frames), self.hidden_size)
        hidden, h, c = torch.lstm(
            by_frame.transpose(0, 1),
            state or (zero, zero),
            [functional.pad(first, more), *rest],
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=self.training,
            bidirectional=False,
            batch_first=True,
        )
        return hidden, (h, c)
