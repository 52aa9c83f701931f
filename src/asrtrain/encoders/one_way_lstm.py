"""A one-way LSTM layer that matrix units work for whatever its number of inputs."""

from __future__ import annotations

from typing import final

import torch
from torch import nn
from torch.nn import functional

from asrtrain.encoders.autocast import has_matrix_units, in_half

State = tuple[torch.Tensor, torch.Tensor]

TOGETHER = 8
"""Inputs are filled up to a multiple of this: two would do for the forward pass, eight suit the backward pass too."""


@final
class LSTM(nn.LSTM):
    """PyTorch's, batch first: (B, T, F) and a state, by default zero, to (B, T, H) and the state after it.

    In bf16 oneDNN hands inputs to matrix units (AMX) by pairs. It does not use them at all for an odd number, which
    MFCCs and their slopes mostly are, and takes three times as long forwards. Such layers get some inputs more, always
    zero, wherever they run in bf16 on a processor that has the units. Packed sequences are not taken.
    """

    weight_ih_l0: nn.Parameter
    weight_hh_l0: nn.Parameter
    bias_ih_l0: nn.Parameter
    bias_hh_l0: nn.Parameter

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size, batch_first=True)

    def forward(self, frames: torch.Tensor, state: State | None = None) -> tuple[torch.Tensor, State]:
        odd = self.input_size % 2 == 1
        if odd and frames.ndim == 3 and in_half(frames) and has_matrix_units():
            return self._filled_up(frames, state)
        hidden, after = super().forward(frames, state)  # type: ignore[has-type] # overloaded there
        return hidden, after

    def _filled_up(self, frames: torch.Tensor, state: State | None) -> tuple[torch.Tensor, State]:
        if state is None:
            zero = frames.new_zeros(1, len(frames), self.hidden_size)
            state = zero, zero
        self.check_forward_args(frames, state, None)  # None: not packed
        more = (0, -self.input_size % TOGETHER)
        by_frame = functional.pad(frames.transpose(0, 1), more)  # as oneDNN reads them: nothing has to be copied again
        hidden, h, c = torch.lstm(
            by_frame.transpose(0, 1),
            state,
            [functional.pad(self.weight_ih_l0, more), self.weight_hh_l0, self.bias_ih_l0, self.bias_hh_l0],
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=self.training,
            bidirectional=False,
            batch_first=True,
        )
        return hidden, (h, c)
