"""One of several processes that measure norms of tensors of which each holds a part: ``python sharing.py FOLDER``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import torch
import torch.distributed as dist

from asrtrain.clipping.sharded import sharded_norms, sharded_total

ORDERS = (1.0, 2.0, 3.0, float("inf"))


def tensors() -> list[torch.Tensor]:
    """Ordinary ones, and such as overflow when squared, vanish, are smaller than the world, or are not finite."""
    generator = torch.Generator().manual_seed(0)
    drawn = [torch.randn(size, generator=generator) for size in (1, 2, 5, 64, 301)]
    huge, tiny = 1e30 * torch.randn(17, generator=generator), 1e-30 * torch.randn(17, generator=generator)
    half = 300 * torch.randn(40, generator=generator).half()
    bad = torch.ones(9)
    bad[7] = torch.nan
    return [*drawn, huge, tiny, torch.zeros(6), half, bad]


def shards(rank: int, world: int) -> list[torch.Tensor]:
    """Uneven parts: the first process has nothing of every other tensor, the last has what is left."""
    parts = []
    for number, tensor in enumerate(tensors()):
        holders = world - number % 2
        place = rank - number % 2
        parts.append(tensor[:0] if place < 0 else tensor.tensor_split(holders)[place])
    return parts


def main() -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
    own = shards(rank, world)
    results = {p: (sharded_norms(own, p), sharded_total(own[:-1], p)) for p in ORDERS}
    torch.save(results, Path(sys.argv[1]) / f"{world}-{rank}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
