"""Peak memory of a training step by weight and process, with and without shards.

Two LSTMs, one with twice the layers of the other, take a few steps of AdamW on random features; the difference of the
peaks divided by that of the numbers of weights leaves out whatever else a process holds. glibc is told to give back
what is freed, which it otherwise keeps for the next step.

    python benchmarks/sharding_memory.py [--quick] [--format json]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import torch
from command_line import options_of, show
from torch.distributed import TCPStore  # type: ignore[attr-defined]

from asrtrain.clipping import build_clipper
from asrtrain.features import FEATURES
from asrtrain.optim import OPTIMIZERS, SCHEDULES, parameter_groups
from asrtrain.recogniser import Recogniser
from asrtrain.training import Ingredients, TrainingConfig, Updater, Validation, World, joined_world
from asrtrain.training.sharding import shard
from asrtrain.types import Batch, Targets
from recognisers import build_recogniser

CPU = torch.device("cpu")
BATCH, FRAMES, BANDS, CLASSES = 8, 40, 16, 10
STEPS = 3
SETTINGS = ((1, "none"), (2, "none"), (2, "full"), (4, "full"))
"""Processes, and training.sharding."""


class NoBatches:
    """None is drawn from here."""

    batches_per_epoch = 1

    def epoch(self, epoch: int, start: int = 0) -> object:
        raise NotImplementedError


def validate(model: Recogniser) -> Validation:
    """Nobody asks."""
    raise NotImplementedError


def part_of(world: World) -> Batch:
    """This process's part of a batch of noise."""
    names, rows = tuple(map(str, range(BATCH))), range(world.rank, BATCH, world.size)
    lengths = torch.full((len(rows),), FRAMES)
    targets = Targets(torch.zeros(len(rows), 1, dtype=torch.long), torch.ones_like(lengths))
    features = torch.randn(len(rows), FRAMES, BANDS)
    return Batch(tuple(names[row] for row in rows), features, lengths, {"label": targets}, whole=names)


def ingredients(layers: int, hidden: int) -> Ingredients:
    torch.manual_seed(0)
    network = {"name": "lstm", "hidden_size": hidden, "num_layers": layers, "dropout": 0.0}
    model = build_recogniser(network, BANDS, CLASSES)
    return Ingredients(
        front_end=FEATURES["log_mel"](sample_rate=8000, n_mels=BANDS).build(),
        model=model,
        optimizer=OPTIMIZERS["adamw"]().build(parameter_groups(model.named_parameters())),
        schedule=SCHEDULES["constant"]().build(1, 1),
        clipper=build_clipper({"name": "norm", "threshold": 1.0}),
        batches=NoBatches(),
        validate=validate,
    )


def take_steps(layers: int, hidden: int, sharding: str) -> None:
    """In one of several processes: print the number of weights, and the bytes that the steps wanted at most."""
    torch.set_num_threads(1)
    with joined_world() as world:
        parts = ingredients(layers, hidden)
        weights = sum(parameter.numel() for parameter in parts.model.parameters())
        if sharding == "full":
            parts = replace(parts, sharding=shard(parts.model, parts.optimizer, CPU, world))
        update, batch = Updater(parts, TrainingConfig(), CPU, decides=True, world=world), part_of(world)
        update([batch])
        Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
        for _ in range(STEPS):
            update([batch])
        (peak,) = (line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
        if world.leads:
            print(weights, 1024 * int(peak))


def measure(processes: int, *arguments: str) -> tuple[int, int]:
    """What the first of so many processes prints."""
    meeting = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    variables = {
        "WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(meeting.port),
        "TORCHELASTIC_USE_AGENT_STORE": "True", "MALLOC_MMAP_THRESHOLD_": str(1 << 18), "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    running = [
        subprocess.Popen(
            [sys.executable, __file__, "--one", *arguments],
            env={**os.environ, **variables, "RANK": str(rank)}, stdout=subprocess.PIPE, text=True,
        )
        for rank in range(processes)
    ]  # fmt: skip
    printed = [process.communicate()[0] for process in running]
    assert not any(process.returncode for process in running)
    weights, peak = map(int, printed[0].split())
    return weights, peak


def main() -> None:
    parser = options_of(__doc__, "half the layers")
    parser.add_argument("--hidden", type=int, default=768)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        layers, hidden, sharding = options.one
        take_steps(int(layers), int(hidden), sharding)
        return
    layers, found = 6 if options.quick else 12, dict[str, float]()
    for processes, sharding in SETTINGS:
        small, large = (measure(processes, str(n), str(options.hidden), sharding) for n in (layers, 2 * layers))
        found[f"bytes_{processes}_processes_{sharding}"] = (large[1] - small[1]) / (large[0] - small[0])
    show(found, options.format)


if __name__ == "__main__":
    main()
