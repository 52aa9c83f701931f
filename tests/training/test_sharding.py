"""Two processes that hold a shard of every weight do what one does that holds all."""

from __future__ import annotations

from pathlib import Path

import pytest
import together
import together_sharded
import torch
from test_two_processes import Results, start_together

from asrtrain.training import World


@pytest.fixture(scope="module")
def results(fsdd: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """What every scenario came to: in one process, and in each of two."""
    torch.set_num_threads(1)
    folder, program = tmp_path_factory.mktemp("sharded"), Path(together_sharded.__file__)
    alone = together.go_through(folder / "alone", cache, fsdd, World(), together_sharded.SCENARIOS)
    start_together(folder, cache, fsdd, 2, program)
    return [alone, *(torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(2))]


@pytest.mark.parametrize("scenario", together_sharded.SCENARIOS)
def test_shards_and_whole_weights_become_the_same(results: Results, scenario: str) -> None:
    alone, first, _ = (one[scenario]["weights"] for one in results)
    assert first.keys() == alone.keys()
    for name, tensor in alone.items():
        torch.testing.assert_close(first[name], tensor, rtol=0, atol=1e-6, msg=lambda m, name=name: f"{name}: {m}")


@pytest.mark.parametrize("scenario", together_sharded.SCENARIOS)
def test_they_tell_the_same(results: Results, scenario: str) -> None:
    alone, first, second = (one[scenario] for one in results)
    assert first["told"] == second["told"]
    for ours, other in zip(first["told"] + first["clipped"], alone["told"] + alone["clipped"], strict=True):
        for name, value in ours.items():
            assert value == (pytest.approx(other[name], rel=1e-4) if isinstance(value, float) else other[name]), name
    for name, tensor in first["clipper"].items():
        torch.testing.assert_close(tensor, second["clipper"][name], rtol=0, atol=0, equal_nan=True)
