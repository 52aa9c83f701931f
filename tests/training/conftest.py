"""Real speech, and the same small training run to its end once, to compare all others with."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
import training_recipe


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def straight(fsdd: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a training that nobody interrupted."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("straight")
    training_recipe.run(folder, cache, fsdd)
    return folder
