"""How large batches may be: training steps of the longest utterances, weighed in processes of their own."""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import final

import numpy as np
import numpy.typing as npt

from asrtrain.app.checks import check_before_training
from asrtrain.app.threads import use_threads_deliberately
from asrtrain.app.trained import gather_ingredients
from asrtrain.assembly import (
    augmented_loader,
    build_dataset,
    build_system,
    build_vocabulary,
    cache_folder,
    choose_device,
)
from asrtrain.config import dump_config, load_config
from asrtrain.errors import TrainingError, UsageError
from asrtrain.files.writing import write_file
from asrtrain.performance.memory import (
    Extrapolation,
    Weighing,
    available_memory,
    extrapolate,
    parse_size,
    peak_memory,
)
from asrtrain.run_config import RunConfig
from asrtrain.training import World
from asrtrain.training.step import Updater

_SMALLEST = 20.0
"""Seconds of audio in the smallest batch that is weighed; then come two and four times as many."""
_LEAST = 10_000_000
"""Bytes; PyTorch alone takes more on the processor, and its libraries for matrix products on a GPU."""
_STEPS = 2
"""The second finds the optimiser's moments and the gradients' memory in place."""


def probe_memory(
    config: str | Path, budget: str = "auto", *, overrides: Sequence[str] = (), device: str = "auto"
) -> Extrapolation:
    """How many seconds of padded audio a batch may have within ``budget`` (``4GB``; ``auto`` is all that is free).

    Three batches of the longest utterance are trained on, each in a process of its own, nothing of which is kept.
    Raises UsageError, DataError, TrainingError.
    """
    use_threads_deliberately()
    settings, target = load_config(Path(config), RunConfig, overrides), choose_device(device)
    memory = available_memory(target) if budget == "auto" else parse_size(budget)
    if memory < _LEAST:
        raise UsageError(f"--probe-memory {budget}: that holds no training step of any model; give more, or auto")
    splits = settings.data.load(cache_folder())
    system = build_system(settings, build_vocabulary(settings, splits), target)
    if settings.is_reestimated:
        raise UsageError(f"model {settings.model.name} is trained in passes over all data: it has no batches to weigh")
    if settings.training.sharding != "none":
        raise UsageError("training.sharding: one process is weighed, which holds the whole model; probe without it")
    check_before_training(system, splits)
    longest = float(build_dataset(system, splits.train).seconds.max())
    once = max(1, math.ceil(_SMALLEST / longest))
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "config.yaml"
        write_file(written, dump_config(settings))
        counts = (once, 2 * once, 4 * once)
        weighings = [Weighing(count * longest, _weighed_apart(written, count, device)) for count in counts]
    return extrapolate(weighings, memory)


def _weighed_apart(config: Path, count: int, device: str) -> int:
    """The peak of a process that trains on a batch of so many, and keeps memory as ``asrtrain fit`` does."""
    command = [sys.executable, "-c", _CHILD, str(config), str(count), device]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if done.returncode:
        why = done.stderr.strip().rpartition("\n")[2] or f"it was ended by signal {-done.returncode}"
        raise TrainingError(f"a step of {count} times the longest utterance could not be weighed: {why}")
    return int(done.stdout)


_CHILD = """
import sys
from asrtrain.allocator import choose_allocator
choose_allocator()
from asrtrain.app.memory import weigh
print(weigh(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
"""


def weigh(config: str, count: int, device: str) -> int:
    """Train on a batch of ``count`` times the longest utterance; the peak of this process so far, in bytes."""
    use_threads_deliberately()
    settings, target = load_config(Path(config), RunConfig), choose_device(device)
    splits = settings.data.load(cache_folder())
    system = build_system(settings, build_vocabulary(settings, splits), target)
    parts = gather_ingredients(system, splits)
    dataset = build_dataset(system, splits.train)
    batches = augmented_loader(system, dataset, _Longest(dataset.seconds, count), World())
    update = Updater(parts, settings.training, target, decides=True)
    parts.model.train()
    for step in range(1, _STEPS + 1):
        for batch in batches.epoch(step):
            update([batch] * settings.training.accum_grad, step=step, epoch=1)
    return peak_memory(target)


@final
class _Longest:
    """One batch: the longest utterance again and again."""

    def __init__(self, lengths: npt.NDArray[np.float64], count: int) -> None:
        self._batch = [int(lengths.argmax())] * count

    def epoch(self, number: int) -> list[list[int]]:
        """The same batch in every epoch."""
        return [self._batch]
