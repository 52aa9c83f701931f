"""State for norms that may become more."""

from __future__ import annotations

import torch


def grown(
    state: torch.Tensor | None, norm: torch.Tensor, *more: int, dtype: torch.dtype = torch.float64
) -> torch.Tensor:
    """A state of shape (*norm.shape, *more) on the device of norm: what there was, and zeros for norms that are new."""
    shape = (*norm.shape, *more)
    if state is None:
        return torch.zeros(shape, dtype=dtype, device=norm.device)
    if state.shape == shape:
        return state.to(norm.device)
    new = torch.zeros((shape[0] - len(state), *shape[1:]), dtype=dtype, device=norm.device)
    return torch.cat([state.to(norm.device), new])
