"""Two processes that hold a shard of every weight do what one does that holds all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import together
import together_sharded
import torch
from test_two_processes import Results, start_together
from together_sharded import ALL, GROUPS, QUICK

from asrtrain.training import World

STEPS = [name for name in QUICK if "run" not in name]


def results_of(group: str, folder: Path, cache: Path, recordings: Path) -> Results:
    """What every scenario of a group came to: in one process, and in each of two."""
    torch.set_num_threads(1)
    alone = together.go_through(folder / "alone", cache, recordings, World(), GROUPS[group])
    start_together(folder, cache, recordings, 2, together_sharded.__file__, group)
    return [alone, *(torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(2))]


@pytest.fixture(scope="module")
def quick(fsdd: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Results:
    return results_of("quick", tmp_path_factory.mktemp("quick"), cache, fsdd)


@pytest.fixture(scope="module")
def all_others(fsdd: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Results:
    return results_of("all", tmp_path_factory.mktemp("all"), cache, fsdd)


@pytest.fixture
def results(scenario: str, request: pytest.FixtureRequest) -> Results:
    found: Results = request.getfixturevalue("quick" if scenario in QUICK else "all_others")
    return found


def losses(run: Path) -> list[float]:
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return [record["loss"] for record in records if record["kind"] == "step"]


@pytest.mark.parametrize("scenario", [*QUICK, *(pytest.param(s, marks=pytest.mark.slow) for s in ALL)])
def test_shards_and_whole_weights_become_the_same(results: Results, scenario: str) -> None:
    alone, first, _ = (one[scenario]["weights"] for one in results)
    assert first.keys() == alone.keys()
    for name, tensor in alone.items():
        torch.testing.assert_close(first[name], tensor, rtol=0, atol=1e-6, msg=lambda m, name=name: f"{name}: {m}")


@pytest.mark.parametrize("policy", ["", " that skips", " that drops", " that aborts"])
def test_a_run_ends_as_one_process_ends_it(quick: Results, policy: str) -> None:
    alone, first, second = (one[f"a run{policy}"]["ended"] for one in quick)
    assert alone == first == second
    assert bool(first) == (policy == " that aborts")


def test_what_two_began_in_shards_one_finishes(quick: Results, fsdd: Path, cache: Path) -> None:
    alone, half = quick[0]["a run"]["folder"], quick[1]["half a run"]["folder"]
    whole = {"half a run": together_sharded.run("half", 2, set())}
    finished = together.go_through(half.parent, cache, fsdd, World(), whole)["half a run"]["weights"]
    assert losses(half) == pytest.approx(losses(alone), abs=1e-4)
    assert finished.keys() == quick[0]["a run"]["weights"].keys()
    for name, tensor in quick[0]["a run"]["weights"].items():
        torch.testing.assert_close(finished[name], tensor, rtol=0, atol=1e-5, msg=lambda m, name=name: f"{name}: {m}")


@pytest.mark.parametrize("scenario", [*STEPS, *(pytest.param(s, marks=pytest.mark.slow) for s in ALL)])
def test_they_tell_the_same(results: Results, scenario: str) -> None:
    alone, first, second = (one[scenario] for one in results)
    assert first["told"] == second["told"]
    for ours, other in zip(first["told"] + first["clipped"], alone["told"] + alone["clipped"], strict=True):
        for name, value in ours.items():
            assert value == (pytest.approx(other[name], rel=1e-4) if isinstance(value, float) else other[name]), name
    for name, tensor in first["clipper"].items():
        torch.testing.assert_close(tensor, second["clipper"][name], rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("scenario", ["norm", "value", "an RNN and norm", "an RNN and value", "value after norm"])
def test_clipping_acts_in_every_step(quick: Results, scenario: str) -> None:
    assert all(report["ClipReport clipped_share"] > 0 for report in quick[1][scenario]["clipped"])
