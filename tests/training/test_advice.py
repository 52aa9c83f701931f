"""A fixed norm that clips always, under an optimiser that divides by the gradients' size, is said to be pointless."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from training_recipe import CPU, ingredients

from asrtrain.training import TrainingConfig, train

ALWAYS = {"name": "norm", "threshold": 1e-3}
ADVICE = "acts as normalisation under "


def log_of(folder: Path, fsdd: Path, cache: Path, clipping: Any, optimizer: dict[str, Any], *steps: int) -> list[str]:
    """What a run says that is stopped after so many steps, and taken up again."""
    for until in steps:
        config = TrainingConfig(max_epochs=99, batch_size=4, max_steps=until, log_interval=30)
        model = {"name": "mlp", "hidden_sizes": [4]}
        parts = ingredients(fsdd, cache, config, model=model, clipping=clipping, optimizer=optimizer, augment=False)
        train(parts, config, folder, seed=7, device=CPU, metadata={})
    return (folder / "log.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", ["adam", "adamw", "rmsprop"])
def test_it_is_said_once_and_at_the_end(name: str, fsdd: Path, cache: Path, tmp_path: Path, capsys) -> None:
    said = log_of(tmp_path, fsdd, cache, ALWAYS, {"name": name, "lr": 1e-4}, 230)
    notes = [line for line in said if "note: " in line]
    assert len(notes) == 1
    assert f"clipped to 0.001 in 100 % of 210 steps, which {ADVICE}" in notes[0]
    assert "the threshold hardly matters; raise it, or use sgd" in notes[0]
    assert ADVICE in said[-1]
    assert said[-1].index("stopped by max_steps") < said[-1].index(ADVICE)
    assert capsys.readouterr().err.count("the threshold hardly matters") == 1


def test_it_is_not_said_again_after_a_restart(fsdd: Path, cache: Path, tmp_path: Path) -> None:
    said = log_of(tmp_path, fsdd, cache, ALWAYS, {"name": "adam", "lr": 1e-4}, 220, 260)
    assert sum("note: " in line for line in said) == 1
    assert ADVICE in said[-1]


@pytest.mark.parametrize(
    ("clipping", "optimizer", "steps"),
    [
        (ALWAYS, {"name": "sgd"}, 210),
        (ALWAYS, {"name": "adam"}, 190),
        ({"name": "norm", "threshold": 1e3}, {"name": "adam"}, 210),
        ({"name": "norm", "threshold": {"name": "random", "low": 1e-4, "high": 1e-3}}, {"name": "adam"}, 210),
        ({"name": "value", "threshold": 1e-5}, {"name": "adam"}, 210),
        ({"name": "normalize", "threshold": 1e-3}, {"name": "adam"}, 210),
    ],
    ids=["sgd", "too early", "seldom", "random", "value", "normalize"],
)
def test_it_is_not_said_of_others(
    clipping: Any, optimizer: dict[str, Any], steps: int, fsdd: Path, cache: Path, tmp_path: Path
) -> None:
    assert not any(ADVICE in line for line in log_of(tmp_path, fsdd, cache, clipping, optimizer, steps))


def test_what_is_said_is_true(fsdd: Path, cache: Path) -> None:
    """Two thresholds a hundredfold apart make the same weights, as long as both clip always."""
    weights = []
    for threshold in (1e-1, 1e-3):
        config = TrainingConfig(batch_size=4)
        parts = ingredients(
            fsdd,
            cache,
            config,
            clipping={"name": "norm", "threshold": threshold},
            optimizer={"name": "adam", "eps": 1e-20},
        )
        parts.model.eval()
        for _, batch in zip(range(20), parts.batches.epoch(0), strict=False):
            parts.optimizer.zero_grad()
            parts.model(batch).per_utterance.sum().backward()
            assert bool(parts.clipper(parts.model.named_parameters()).clipped)
            parts.clipper.step(parts.optimizer)
        weights.append(torch.cat([parameter.detach().flatten() for parameter in parts.model.parameters()]))
    torch.testing.assert_close(*weights, rtol=1e-3, atol=1e-5)
