"""Which places of a padded batch are real."""

from __future__ import annotations

import torch


def real(lengths: torch.Tensor, size: int) -> torch.Tensor:
    """(B, size) bool: True before each length."""
    return torch.arange(size, device=lengths.device) < lengths[:, None]
