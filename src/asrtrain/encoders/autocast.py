"""What autocast makes of recurrent layers on this processor."""

from __future__ import annotations

import torch


def under_autocast(frames: torch.Tensor) -> bool:
    """Whether autocast on the CPU chooses the precision of what is done with these."""
    return frames.device.type == "cpu" and torch.is_autocast_enabled("cpu")


def has_half() -> bool:
    """Whether recurrent layers can be trained here in autocast's half precision; in fp16 oneDNN has no such LSTM."""
    return torch.get_autocast_dtype("cpu") == torch.bfloat16 and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def in_half(frames: torch.Tensor) -> bool:
    """Whether recurrent layers work on these in autocast's half precision."""
    return under_autocast(frames) and has_half()


def has_matrix_units() -> bool:
    """Whether the processor multiplies tiles of bf16 (Intel's AMX)."""
    return bool(torch.cpu._is_amx_tile_supported())
