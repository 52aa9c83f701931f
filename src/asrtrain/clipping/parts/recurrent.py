"""The names of torch's recurrent modules: which layer, direction and gate a parameter belongs to."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch

_GATES: Mapping[int, tuple[str, ...]] = {
    3: ("reset", "update", "new"),
    4: ("input", "forget", "cell", "output"),
}
"""The gates of nn.GRU and nn.LSTM, in the order of their rows (torch's documentation)."""


def gates_of(parameters: Mapping[str, torch.Tensor]) -> tuple[str, ...]:
    """The gates of a recurrent layer, in the order of their rows; none for any other layer.

    Their number is that of the rows of the hidden-to-hidden matrix by the hidden size.
    """
    matrix = next((p for name, p in parameters.items() if name.startswith("weight_hh_l")), None)
    if matrix is None:
        return ()
    projection = next((p for name, p in parameters.items() if name.startswith("weight_hr_l")), None)
    hidden = matrix.shape[1] if projection is None else projection.shape[1]
    return _GATES.get(matrix.shape[0] // hidden, ())


_TORCH_RECURRENT = re.compile(r"(?:weight|bias)_(?:ih|hh|hr)_(l\d+(?:_reverse)?)$")


def layer_of(parameter: str) -> str:
    """The layer that a parameter belongs to: its module; in torch's recurrent modules, the layer and direction."""
    module, _, own = parameter.rpartition(".")
    match = _TORCH_RECURRENT.match(own)
    return f"{module}.{match[1]}" if match else module
