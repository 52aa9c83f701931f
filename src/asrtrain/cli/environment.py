"""What this machine has: versions, processors, GPUs, corpora."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = ("asrtrain", "torch", "torchaudio", "librosa", "numpy", "pydantic", "soundfile", "soxr", "espeakng-loader")


def describe_environment() -> dict[str, Any]:
    """Plain values for the command ``info``."""
    import torch

    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
        "libsndfile": _libsndfile(),
        "cpu": {
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS"),
            "instructions": torch.backends.cpu.get_cpu_capability(),
        },
        "gpus": _gpus(),
        "corpora": _corpora(),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _libsndfile() -> str:
    import soundfile

    return str(soundfile.__libsndfile_version__)


def _gpus() -> list[str]:
    import torch

    return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]


def _corpora() -> dict[str, str]:
    from asrtrain.cli.corpora import corpora_folder, is_here
    from asrtrain.data.corpora import CORPORA

    folder = corpora_folder()
    return {name: str(folder / name) for name in CORPORA if is_here(folder, name)}
