"""``performance: auto``: measure how to use the machine, for a run that is about to begin."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

from asrtrain import run_folder
from asrtrain.app.trained import gather_ingredients
from asrtrain.assembly import System
from asrtrain.data.data_config import Splits
from asrtrain.errors import UsageError
from asrtrain.performance.choice import choose
from asrtrain.performance.config import AutoPerformanceConfig, FixedPerformanceConfig
from asrtrain.performance.setup import Setup, in_force
from asrtrain.performance.trial import Trial
from asrtrain.terminal import say

_BATCHES = 2
"""How many of the first batches are measured on; with the lengths mixed, as they come."""


def decide_performance(system: System, splits: Splits, folder: Path, *, processes: int) -> System:
    """The same recogniser, with how the machine is used written into its configuration where it was to be measured.

    As it was for the run in the folder, if there is one; otherwise it is measured now, and told of in a few lines.
    Raises UsageError where several processes would have to be measured together.
    """
    config = system.config
    if not isinstance(config.performance, AutoPerformanceConfig):
        return system
    if (folder / run_folder.CONFIG).is_file():
        return replace(system, config=config.decided_as(run_folder.read_config(folder)))
    if processes > 1:
        raise UsageError(
            f"performance: auto measures in one process, and this run has {processes}: run asrtrain fit in one for a "
            "step (--set training.max_steps=1), and copy performance and training.precision from its run's config.yaml"
        )
    setup = _measured(system, splits, config.performance.seconds)
    performance = FixedPerformanceConfig(threads=setup.threads, matmul=setup.matmul)
    training = config.training.model_copy(update={"precision": setup.precision})
    return replace(system, config=config.model_copy(update={"performance": performance, "training": training}))


def _measured(system: System, splits: Splits, budget: float) -> Setup:
    start = in_force(FixedPerformanceConfig(), system.config.training.precision)
    if system.config.is_reestimated:
        say(f"performance: {start}: a model without gradients is not measured")
        return start
    parts = gather_ingredients(system, splits)
    batches = list(islice(parts.batches.epoch(0), _BATCHES))
    choice = choose(Trial(parts.model, batches, system.device), start, budget)
    lines = [f"performance: {choice.setup}: {1e3 * choice.seconds:.0f} ms forward and backward", *choice.reasons]
    say("\n  ".join(lines))
    return choice.setup
