"""Which threshold? A throw-away copy of the run takes some steps, and its gradients answer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count, islice
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from asrtrain.app.fit import load_settings, prepare
from asrtrain.app.threads import use_threads_deliberately
from asrtrain.app.trained import gather_ingredients
from asrtrain.assembly import cache_folder, choose_device
from asrtrain.batching import counter_seed, windows
from asrtrain.clipping import read_rules
from asrtrain.data.data_config import Splits
from asrtrain.errors import TrainingError, UsageError
from asrtrain.lab import NormHistory
from asrtrain.lab.calibration import Calibration, Proposal, propose
from asrtrain.lab.measuring import measure_batch
from asrtrain.reporting import draw_calibration, require_pictures
from asrtrain.run_config import RunConfig
from asrtrain.training import Ingredients, Updater
from asrtrain.types import Batch

_MOST = 500
_LONGEST = 1_000_000
"""More steps are no trial."""


def calibrate(
    config: str | Path,
    *,
    steps: int | None = None,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    plot: str | Path | None = None,
    device: str = "auto",
) -> Calibration:
    """Take ``steps`` steps (default: one epoch, at most 500) as ``fit`` would, keep nothing, and propose thresholds.

    Fixed thresholds for the whole gradient are then tried for as many steps each, so that their share of clipped steps
    is what the same run will show; the shares of the others are foretold from the norms of the first trial.
    ``plot`` is a PNG to be drawn. Raises UsageError, DataError, and TrainingError if no gradient is finite.
    """
    if steps is not None and not 2 <= steps <= _LONGEST:
        raise UsageError(f"--steps {steps}: give 2 or more, and at most {_LONGEST:,}")
    use_threads_deliberately()
    if plot is not None:
        require_pictures()
    settings, target = load_settings(Path(config), overrides, seed), choose_device(device)
    splits = settings.data.load(cache_folder())
    ingredients = gather_ingredients(prepare(settings, splits, target), splits)
    epoch = settings.training.steps_per_epoch(ingredients.batches.batches_per_epoch)
    wanted = min(epoch, _MOST) if steps is None else steps
    if wanted < 2:  # an epoch of one step
        raise UsageError(f"--steps {wanted}: give 2 or more")
    batch = next(ingredients.batches.epoch(0)).to(target)
    before = measure_batch(ingredients.model.train(), batch)
    history, _ = _trial(ingredients, settings, wanted, target)
    if not np.isfinite(history.totals).any():
        raise TrainingError(f"{config}: no gradient of {wanted} steps is finite; lower optimizer.lr")
    after = measure_batch(ingredients.model, batch)
    proposals = [
        _tried(proposal, settings, splits, wanted, target) if proposal.setting["name"] == "norm" else proposal
        for proposal in propose(history, [before, after])
    ]
    calibration = Calibration(history, before, after, tuple(proposals))
    if plot is not None:
        draw_calibration(history.totals, calibration.thresholds, list(after.utterances.values()), Path(plot))
    return calibration


def _tried(proposal: Proposal, config: RunConfig, splits: Splits, steps: int, device: torch.device) -> Proposal:
    """The proposal with the share that it clips when it is used: what is clipped moves the weights, and the norms."""
    own = config.model_copy(update={"clipping": read_rules(proposal.setting)})
    _, clipped = _trial(gather_ingredients(prepare(own, splits, device), splits), own, steps, device)
    return replace(proposal, clipped_share=clipped)


def _trial(ingredients: Ingredients, config: RunConfig, steps: int, device: torch.device) -> tuple[NormHistory, float]:
    """The norms of every tensor at every step of a training that nobody keeps, and the share of steps clipped."""
    # From here on the trial draws the same random numbers as the run that it stands for.
    torch.manual_seed(counter_seed(config.seed))
    update = Updater(ingredients, config.training, device, decides=True)
    names: tuple[str, ...] = ()
    rows: list[list[float]] = []
    clipped = 0
    ingredients.model.train()
    trial = islice(_windows(ingredients, config.training.accum_grad), steps)
    for window in tqdm(trial, total=steps, desc="calibrating", unit="step", disable=None):
        clip = update(window).clip
        rows.append([])
        if clip is not None:
            names = clip.names
            rows[-1] = clip.norms.tolist()
            clipped += bool(clip.clipped)
    return NormHistory.of_steps(names, [row or [math.nan] * len(names) for row in rows]), clipped / len(rows)


def _windows(ingredients: Ingredients, size: int) -> Iterator[list[Batch]]:
    """Those of one epoch after the other."""
    for epoch in count():
        yield from windows(ingredients.batches.epoch(epoch), size)
