"""Real digits through every model with every objective it serves, every optimiser and every schedule.

All combinations come from the tables, so whoever adds a line to a table is tested here. Each run is a real one: the
configuration is validated, the recordings are read, the loop trains and writes its checkpoints.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from asrtrain.app.fit import prepare
from asrtrain.assembly import build_ingredients, cache_folder
from asrtrain.encoders import ENCODERS
from asrtrain.heads import HEADS
from asrtrain.optim import OPTIMIZERS, SCHEDULES
from asrtrain.run_config import RunConfig
from asrtrain.training import train

CPU = torch.device("cpu")
EPOCHS = 6


@pytest.fixture(autouse=True, scope="module")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One cache for all runs: recordings are read once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASRTRAIN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def configuration(fsdd: Path, **parts: Any) -> RunConfig:
    """A short run on 100 recordings of two speakers, a fifth of them held out."""
    speech = {"name": "fsdd", "folder": str(fsdd), "split": "test", "speakers": ["theo", "jackson"]}
    objective = parts.get("objective", "cross_entropy")
    return RunConfig.model_validate(
        {
            "data": {
                "train": speech,
                "held_out": {"by": "hash", "fraction": 0.2},
                "unit": "label" if HEADS[objective]().task == "classification" else "char",
            },
            "features": {"name": "mfcc", "sample_rate": 8000},
            "model": "lstm",
            "optimizer": {"name": "adamw", "lr": 3e-3},
            "schedule": {"name": "constant"},
            "training": {"max_epochs": EPOCHS, "batch_size": 10},
            **parts,
        }
    )


def held_out_losses(config: RunConfig, folder: Path) -> tuple[float, float]:
    """The mean loss on the recordings held out, before and after training."""
    splits = config.data.load(cache_folder())
    recogniser = prepare(config, splits, CPU)
    parts = build_ingredients(recogniser, splits)
    with torch.no_grad():
        before = parts.validate(recogniser.model.eval())
    train(parts, config.training, folder, seed=config.seed, device=CPU, metadata={})
    with torch.no_grad():
        after = parts.validate(recogniser.model.eval())
    assert all(parameter.isfinite().all() for parameter in recogniser.model.parameters())
    return before.loss, after.loss


def assert_falls(config: RunConfig, folder: Path, to: float) -> None:
    before, after = held_out_losses(config, folder)
    assert math.isfinite(before)
    assert after < to * before, f"the loss went from {before:.3f} to {after:.3f}"


# Two objectives of classes read the same frames: one of them with one model shows that it is learnt by.
@pytest.mark.parametrize(
    ("model", "objective"),
    [
        *((model, "cross_entropy") for model in ENCODERS),
        *(pytest.param(model, "ctc", marks=() if model == "lstm" else pytest.mark.slow) for model in ENCODERS),
        ("cnn", "mae"),
    ],
)
def test_every_model_learns_by_every_objective(model: str, objective: str, fsdd: Path, tmp_path: Path) -> None:
    assert_falls(configuration(fsdd, model=model, objective=objective), tmp_path, to=0.9)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimiser_learns(optimizer: str, fsdd: Path, tmp_path: Path) -> None:
    assert_falls(configuration(fsdd, optimizer=optimizer), tmp_path, to=0.9)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_learns(schedule: str, fsdd: Path, tmp_path: Path) -> None:
    assert_falls(configuration(fsdd, schedule=schedule), tmp_path, to=0.9)
