"""How many threads compute."""

from __future__ import annotations

import os

import torch


def use_threads_deliberately() -> None:
    """Compute on one thread unless OMP_NUM_THREADS says otherwise.

    These models are small, and on a machine where anything else runs, a second OpenMP thread that has to be waited for
    makes training up to fifteen times slower.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1)
