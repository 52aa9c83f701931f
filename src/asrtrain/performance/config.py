"""Settings that change how fast a run is, and hardly what it arrives at."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from typing import Annotated, Literal, final

from pydantic import Field

from asrtrain.config import Config

Matmul = Literal["default", "onednn"]


class PerformanceConfig(Config, ABC):
    """How the machine is used."""

    name: str


@final
class FixedPerformanceConfig(PerformanceConfig):
    """As it is written here: the same configuration gives the same weights, bit for bit."""

    name: Literal["fixed"] = "fixed"
    threads: Annotated[int, Field(gt=0)] | None = None
    """Threads that compute, of each process; null for OMP_NUM_THREADS, or one where that is not set."""
    matmul: Matmul = "default"
    """Matrix products in fp32: PyTorch's default library (MKL, cuBLAS), or oneDNN, which is twice as fast on some
    processors. On some others, and on GPUs, onednn allows products of lower precision (bf16, TF32)."""


@final
class AutoPerformanceConfig(PerformanceConfig):
    """Measured on the first batches of a new run, and written into its config.yaml, which repeats it.

    Threads, oneDNN's products and, where training.precision is fp32, bf16 are tried on the run's own model; what is
    not measurably faster, or changes loss or gradient too much, is not taken. Only asrtrain fit measures.
    """

    name: Literal["auto"] = "auto"
    seconds: Annotated[float, Field(gt=0)] = 5.0
    """About how long to measure."""


PERFORMANCE: Mapping[str, type[PerformanceConfig]] = {"fixed": FixedPerformanceConfig, "auto": AutoPerformanceConfig}
"""Every way to decide it, by name."""
