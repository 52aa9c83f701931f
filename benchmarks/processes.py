"""What a second process brings, and what a step and an all-reduce say of many.

Three measurements, each interleaved, on real speech:

- ``epochs_*``: wall-clock time of an epoch of a real `asrtrain fit --nproc 1` by that of `--nproc 2`, the same global
  batch, the medians of all epochs but the first; validation and checkpoints included. It needs two free cores: the load
  average before and after stands beside it. ``cpu_*`` is the same of CPU time, half of what the two take together: what
  two free cores would make of it if no process ever waited for the other.
- ``step_ms_*``: CPU time of one process's step of a whole batch and of half of one, and its gradients' all-reduce, in
  milliseconds. ``predicted_*``: what the cost model of docs/scale.md makes of these for two processes.
- ``all_reduce_ms_*``: wall-clock time of the all-reduce of so many numbers (float32) between two processes by gloo.

    python benchmarks/processes.py [--quick] [--only fsdd_lstm] [--format json]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice, pairwise
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median

import torch
import torch.distributed as dist
from command_line import in_a_place_of_its_own, options_of, show
from timing import interleaved
from torch.distributed import TCPStore  # type: ignore[attr-defined]

from asrtrain.app.fit import load_settings, prepare
from asrtrain.assembly import build_ingredients, cache_folder
from asrtrain.training import Updater, World
from asrtrain.types import Batch

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = {
    "fsdd_cnn": (),
    "fsdd_lstm": (),
    "digits_bilstm_ctc": ("data.train.count=1200", "data.train.min_words=3"),
}
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
CPU = torch.device("cpu")
STEPS = 10
"""Steps in a round."""


@dataclass(frozen=True)
class Run:
    """A whole `asrtrain fit`: wall seconds of every epoch but the first, and CPU seconds of all its processes."""

    epochs: list[float]
    cpu: float


def fit(name: str, processes: int, epochs: int, folder: Path) -> Run:
    output = folder / f"{name}-{processes}-{time.time_ns()}"
    command = [sys.executable, "-m", "asrtrain", "fit", str(ROOT / "configs" / f"{name}.yaml"), "--device", "cpu"]
    command += ["--output", str(output), "--nproc", str(processes)]
    command += [text for one in (f"training.max_epochs={epochs}", *SETTINGS[name]) for text in ("--set", one)]
    before = getrusage(RUSAGE_CHILDREN)
    place = in_a_place_of_its_own(folder)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **place) as process:
        assert process.stderr is not None
        told = [time.perf_counter() for line in process.stderr if line.startswith("epoch ")]
    assert len(told) == epochs, f"{' '.join(command)} has failed"
    after = getrusage(RUSAGE_CHILDREN)
    seconds = [end - begin for begin, end in pairwise(told)]
    return Run(seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def ratios_of_runs(name: str, rounds: int, epochs: int, folder: Path) -> dict[str, float]:
    """One process's time by two's: wall-clock of epochs, and CPU of the epochs after the first."""
    fit(name, 1, 1, folder)  # reads the recordings into the cache
    starts: dict[int, list[float]] = {1: [], 2: []}
    runs: dict[int, list[Run]] = {1: [], 2: []}
    for _ in range(rounds):
        for processes in (1, 2):
            starts[processes].append(fit(name, processes, 1, folder).cpu)
            runs[processes].append(fit(name, processes, 1 + epochs, folder))
    wall = {processes: median(second for run in own for second in run.epochs) for processes, own in runs.items()}
    cpu = {n: median(run.cpu - start for run, start in zip(own, starts[n], strict=True)) for n, own in runs.items()}
    return {f"epochs_{name}": wall[1] / wall[2], f"cpu_{name}": cpu[1] / (cpu[2] / 2)}


def step_seconds(name: str, rounds: int) -> tuple[float, float, int]:
    """CPU seconds of a step of whole batches and of one process's halves, features included; the number of weights."""
    settings = load_settings(ROOT / "configs" / f"{name}.yaml", SETTINGS[name], None)
    splits = settings.data.load(cache_folder())

    def stepping(processes: int) -> tuple[Callable[[], None], int]:
        parts = build_ingredients(prepare(settings, splits, CPU), splits, World(0, processes))
        parts.model.train()
        update = Updater(parts, settings.training, CPU, decides=True)  # it is alone, and sums nothing
        batches = _endless(parts.batches.epoch)

        def steps() -> None:
            for batch in islice(batches, STEPS):
                update([batch])

        return steps, sum(weight.numel() for weight in parts.model.parameters())

    (whole, weights), (half, _) = stepping(1), stepping(2)
    taken = interleaved({"whole": whole, "half": half}, rounds)
    return taken["whole"] / STEPS, taken["half"] / STEPS, weights


def _endless(epoch: Callable[[int], Iterator[Batch]]) -> Iterator[Batch]:
    for number in count():
        yield from epoch(number)


def all_reduce_seconds(sizes: Sequence[int], rounds: int) -> list[float]:
    """Wall seconds between two processes of this machine, the medians of the rounds."""
    meeting = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    given = {
        "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(meeting.port),
        "TORCHELASTIC_USE_AGENT_STORE": "True",
    }  # fmt: skip
    command = [sys.executable, __file__, "--all-reduce", json.dumps(sizes), "--rounds", str(rounds)]
    both = [
        subprocess.Popen(command, env={**os.environ, **given, "RANK": str(rank)}, stdout=subprocess.PIPE, text=True)
        for rank in range(2)
    ]
    printed = [process.communicate()[0] for process in both]
    return [float(seconds) for seconds in json.loads(printed[0])]


def all_reduce(sizes: Sequence[int], rounds: int) -> list[float]:
    """One of the two processes' part."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    seconds: list[list[float]] = [[] for _ in sizes]
    tensors = [torch.ones(size) for size in sizes]
    for _ in range(rounds + 1):
        for tensor, own in zip(tensors, seconds, strict=True):
            dist.barrier()
            began = time.perf_counter()
            dist.all_reduce(tensor)
            own.append(time.perf_counter() - began)
            tensor.fill_(1.0)
    dist.destroy_process_group()
    return [median(own[1:]) for own in seconds]


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--only", choices=[*SETTINGS], action="append")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--no-runs", action="store_true", help="the steps and the all-reduce alone")
    parser.add_argument("--all-reduce", type=json.loads, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.all_reduce is not None:
        print(json.dumps(all_reduce(given.all_reduce, given.rounds)))
        return
    torch.set_num_threads(1)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    rounds = given.rounds or (1 if given.quick else 3)
    names = given.only or [*SETTINGS]
    found: dict[str, float] = {"cores": len(os.sched_getaffinity(0)), "load_before": os.getloadavg()[0]}
    steps = {name: step_seconds(name, 5 * rounds) for name in names}
    sizes = [*SIZES, *(weights for *_, weights in steps.values())]
    reduced = dict(zip(sizes, all_reduce_seconds(sizes, 30), strict=True))
    found |= {f"all_reduce_ms_{size}": 1000 * reduced[size] for size in SIZES}
    for name, (whole, half, weights) in steps.items():
        found |= {f"step_ms_{name}": 1000 * whole, f"step_ms_{name}_half": 1000 * half}
        found |= {f"all_reduce_ms_{name}": 1000 * reduced[weights]}
        found |= {f"predicted_{name}": whole / (half + reduced[weights])}
    if not given.no_runs:
        with tempfile.TemporaryDirectory() as folder:
            for name in names:
                found |= ratios_of_runs(name, rounds, 2 if given.quick else 4, Path(folder))
    found["load_after"] = os.getloadavg()[0]
    show(found, given.format)


if __name__ == "__main__":
    main()
