"""Two processes that train together do what one does, and never come apart."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import together
import torch
from training_recipe import ingredients

from asrtrain.clipping import CLIPPERS
from asrtrain.errors import UsageError
from asrtrain.training import TrainingConfig, World
from asrtrain.training.step import Updater

Results = list[dict[str, dict[str, Any]]]
PER_UTTERANCE = {"name": "per_utterance", "threshold": 1.0}
PROGRAM = Path(together.__file__)
COMPARING = tuple(f"rule {name}" for name, config in CLIPPERS.items() if config.compares_utterances)
SAME = [name for name in together.SCENARIOS if not name.startswith(COMPARING)]
"""All but those of rules that say themselves that it matters how many processes there are."""


def start_together(folder: Path, cache: Path, recordings: Path, processes: int, *program: str) -> None:
    """Run the program, or another with its arguments, in several processes, as a launcher would."""
    meeting = torch.distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    variables = {
        "WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(meeting.port),
        "TORCHELASTIC_USE_AGENT_STORE": "True",
    }  # fmt: skip
    name, *arguments = program or [str(PROGRAM)]
    command = [sys.executable, name, str(folder), str(cache), str(recordings), *arguments]
    running = [
        subprocess.Popen(command, env={**os.environ, **variables, "RANK": str(rank)}) for rank in range(processes)
    ]
    assert [process.wait() for process in running] == [0] * processes


@pytest.fixture(scope="module")
def results(fsdd: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """What every scenario came to: in one process, and in each of two."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("together")
    alone = together.go_through(folder / "alone", cache, fsdd, World())
    start_together(folder, cache, fsdd, 2)
    return [alone, *(torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(2))]


def test_one_rule_alone_says_that_it_compares_utterances() -> None:
    assert COMPARING == ("rule utterance_filter",)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", together.SCENARIOS)
def test_two_processes_never_come_apart(results: Results, scenario: str) -> None:
    first, second = (one[scenario]["weights"] for one in results[1:])
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SAME)
def test_one_process_and_two_have_the_same_weights(results: Results, scenario: str) -> None:
    alone, first, _ = (one[scenario]["weights"] for one in results)
    for name, tensor in alone.items():
        torch.testing.assert_close(first[name], tensor, rtol=0, atol=1e-6, msg=lambda m, name=name: f"{name}: {m}")


@pytest.mark.slow
@pytest.mark.parametrize("scenario", [name for name in SAME if not name.startswith("policy")])
def test_one_process_and_two_tell_the_same(results: Results, scenario: str) -> None:
    alone, first, second = (one[scenario] for one in results)
    assert first["told"] == second["told"]
    assert len(first["told"]) == len(alone["told"])
    for ours, other in zip(first["told"], alone["told"], strict=True):
        for name, value in ours.items():
            assert value == (pytest.approx(other[name], rel=1e-4) if isinstance(value, float) else other[name])
    for name, tensor in first["clipper"].items():
        torch.testing.assert_close(tensor, second["clipper"][name], rtol=0, atol=0, equal_nan=True)


def test_what_would_never_end_is_refused(fsdd: Path, cache: Path) -> None:
    parts = ingredients(fsdd, cache, TrainingConfig(), model={"name": "cnn"}, clipping=PER_UTTERANCE, part=(0, 2))
    with pytest.raises(UsageError, match="per_utterance"):
        Updater(parts, TrainingConfig(), together.CPU, decides=True, world=World(0, 2))


@pytest.mark.slow
@pytest.mark.parametrize("policy", together.POLICIES)
def test_one_bad_recording_in_one_process_is_answered_by_both(results: Results, policy: str) -> None:
    alone, first, second = (one[f"policy {policy}"]["ended"] for one in results)
    assert alone == first == second
    assert bool(first) == (policy in ("abort", "spent"))
    if first:
        assert "utterances " in first
