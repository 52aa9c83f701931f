"""One way to use the machine, and how to put it in force."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, final

import torch

from asrtrain.performance.config import FixedPerformanceConfig, Matmul

Precision = Literal["fp32", "bf16", "fp16"]
_ALLOWED = {"default": "highest", "onednn": "medium"}
"""What torch.set_float32_matmul_precision calls them: oneDNN is what "medium" brings in on processors."""


@final
@dataclass(frozen=True, slots=True)
class Setup:
    """Threads, precision of the forward pass, and library of matrix products."""

    threads: int
    precision: Precision = "fp32"
    matmul: Matmul = "default"

    def __str__(self) -> str:
        products = "" if self.matmul == "default" else ", products by oneDNN"
        return f"{self.precision}, {self.threads} thread{'' if self.threads == 1 else 's'}{products}"


@contextmanager
def using(threads: int | None, matmul: Matmul) -> Iterator[None]:
    """Compute so, and as before afterwards. ``threads`` None leaves them as they are."""
    before, allowed = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(threads or before)
    torch.set_float32_matmul_precision(_ALLOWED[matmul])
    try:
        yield
    finally:
        torch.set_num_threads(before)
        torch.set_float32_matmul_precision(allowed)


def in_force(config: FixedPerformanceConfig, precision: Precision) -> Setup:
    """What a configuration comes to in this process."""
    return Setup(config.threads or torch.get_num_threads(), precision, config.matmul)


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def has_bf16(device: torch.device) -> bool:
    """Whether there are instructions for bf16; without them it is ten times slower than fp32, not faster."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
