"""Real digits, trained by rules that act while gradients are computed; stopped and resumed to the bit."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from asrtrain.app.fit import prepare
from asrtrain.assembly import build_ingredients, cache_folder
from asrtrain.run_config import RunConfig
from asrtrain.training import train

CPU = torch.device("cpu")
RULES: list[dict[str, Any]] = [
    {"name": "per_utterance", "threshold": 1.0},
    {"name": "per_utterance", "threshold": 1.0, "sigma": 0.01, "lot": 10},
    {"name": "utterance_filter"},
    {"name": "recurrent_clip", "threshold": 0.01, "every": 5},
    {"name": "recurrent_zero", "threshold": 0.01, "every": 5},
    {"name": "truncate", "of": "bptt", "frames": 10},
]


@pytest.fixture(autouse=True, scope="module")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One cache for all runs: recordings are read once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASRTRAIN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def configuration(fsdd: Path, clipping: Any, **parts: Any) -> RunConfig:
    speech = {"name": "fsdd", "folder": str(fsdd), "split": "test", "speakers": ["theo", "jackson"]}
    return RunConfig.model_validate(
        {
            "data": {"train": speech, "held_out": {"by": "hash", "fraction": 0.2}, "unit": "label"},
            "features": {"name": "mfcc", "sample_rate": 8000},
            "model": {"name": "lstm", "hidden_size": 32},
            "optimizer": {"name": "adamw", "lr": 3e-3},
            "schedule": {"name": "constant"},
            "training": {"max_epochs": 4, "batch_size": 10},
            "clipping": clipping,
            **parts,
        }
    )


def trained(config: RunConfig, folder: Path, epochs: int) -> tuple[dict[str, torch.Tensor], float, float]:
    """The weights after so many epochs in a folder, and the held-out loss of the model as it was built and now."""
    splits = config.data.load(cache_folder())
    recogniser = prepare(config, splits, CPU)
    parts = build_ingredients(recogniser, splits)
    with torch.no_grad():
        before = parts.validate(recogniser.model.eval()).loss
    settings = config.training.model_copy(update={"max_epochs": epochs})
    train(parts, settings, folder, seed=config.seed, device=CPU, metadata={})
    with torch.no_grad():
        after = parts.validate(recogniser.model.eval()).loss
    return {name: tensor.clone() for name, tensor in recogniser.model.state_dict().items()}, before, after


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES, ids=str)
def test_a_run_learns_and_goes_on_to_the_bit(rule: dict[str, Any], fsdd: Path, tmp_path: Path) -> None:
    config = configuration(fsdd, [rule, {"name": "norm", "threshold": 5.0}])
    straight, before, after = trained(config, tmp_path / "straight", 4)
    assert math.isfinite(before)
    assert after < 0.9 * before
    trained(config, tmp_path / "stopped", 2)
    resumed, _, _ = trained(config, tmp_path / "stopped", 4)
    assert all(torch.equal(resumed[name], tensor) for name, tensor in straight.items())
    plain, _, _ = trained(configuration(fsdd, "none"), tmp_path / "plain", 1)
    ruled, _, _ = trained(configuration(fsdd, rule), tmp_path / "ruled", 1)
    assert not all(torch.equal(ruled[name], tensor) for name, tensor in plain.items())


@pytest.mark.parametrize("model", ["lstm", "gru", "rnn", "cnn_rnn"])
def test_truncation_in_time_and_two_directions_exclude_each_other(model: str, fsdd: Path) -> None:
    rules = [{"name": "norm", "threshold": 1.0}, {"name": "truncate", "of": "bptt"}]
    configuration(fsdd, rules, model={"name": model, "bidirectional": False})
    configuration(fsdd, "recurrent_zero", model={"name": model, "bidirectional": True})
    with pytest.raises(ValidationError, match=r"clipping\.1 truncates .* model\.bidirectional is true"):
        configuration(fsdd, rules, model={"name": model, "bidirectional": True})


def test_rules_in_recurrent_layers_work_in_both_directions_on_real_speech(fsdd: Path, tmp_path: Path) -> None:
    rules = ["utterance_filter", {"name": "recurrent_clip", "threshold": 0.01, "every": 5}]
    config = configuration(fsdd, rules, model={"name": "lstm", "hidden_size": 16, "bidirectional": True})
    _, before, after = trained(config, tmp_path, 3)
    assert after < before
