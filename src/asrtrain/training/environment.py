"""On what a run was made, for those who want to make it again."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

import torch

from asrtrain.version import __version__

_PACKAGES = ("torch", "torchaudio", "numpy", "safetensors", "soundfile", "soxr")


def describe_environment(device: torch.device, processes: int = 1) -> dict[str, object]:
    """Versions, machine and threads: what bit-identical repetition depends on beside the configuration."""
    return {
        "asrtrain": __version__,
        "python": platform.python_version(),
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
        "system": platform.platform(),
        "processor": torch.backends.cpu.get_cpu_capability(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "processes": processes,
    }


def _version(package: str) -> str | None:
    """None where it is not installed, as torchaudio need not be."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
