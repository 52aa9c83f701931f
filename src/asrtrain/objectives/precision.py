"""Losses are computed in float32 even where the scores are not."""

from __future__ import annotations

import torch


def at_least_float32(logits: torch.Tensor) -> torch.Tensor:
    """The same numbers in float32; float64 is left alone, half precisions are widened."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))
