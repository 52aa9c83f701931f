"""What several processes find out together is what one finds out alone, and each does its share of the work."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import agreeing
import pytest
import torch
from test_two_processes import start_together

from asrtrain.training import World

WORDS = """\
data: {{train: {{name: fsdd, folder: {fsdd}, speakers: [theo]}}, held_out: {{by: hash, fraction: 0.2}}}}
features: {{name: mfcc, sample_rate: 8000}}
model: {{name: cnn, channels: [4, 4], hidden_size: 8}}
training: {{batch_size: 9}}
"""
STRINGS = """\
data:
  train: {{name: digit_strings, of: {{name: fsdd, folder: {fsdd}, split: train}}, count: 60}}
  held_out: {{by: hash, fraction: 0.4}}
  unit: word
features: {{name: mfcc, sample_rate: 8000}}
model: {{name: lstm, hidden_size: 8}}
objective: {{name: ctc}}
training: {{batch_size: 5}}
"""
PROCESSES = 3
Found = dict[str, Any]


@pytest.fixture(scope="module")
def alone_and_together(
    fsdd: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Found], list[Found]]:
    folder = tmp_path_factory.mktemp("agreeing")
    for name, config in zip(agreeing.NAMES, (WORDS, STRINGS), strict=True):
        (folder / f"{name}.yaml").write_text(config.format(fsdd=fsdd))
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASRTRAIN_CACHE", str(cache))
        alone = {name: agreeing.validated(folder / f"{name}.yaml", World()) for name in agreeing.NAMES}
    start_together(folder, cache, fsdd, PROCESSES, os.fspath(Path(agreeing.__file__)))
    return alone, [json.loads((folder / f"{rank}.json").read_text()) for rank in range(PROCESSES)]


@pytest.mark.slow
@pytest.mark.parametrize("name", agreeing.NAMES)
def test_processes_share_validation_and_find_what_one_finds(alone_and_together, name: str) -> None:
    alone, together = alone_and_together[0][name], [found[name] for found in alone_and_together[1]]
    assert [one["validation"] for one in together] == [alone["validation"]] * PROCESSES
    assert alone["batches"] >= PROCESSES
    assert sum(one["batches"] for one in together) == alone["batches"]
    assert sum(one["utterances"] for one in together) == alone["utterances"]
    assert all(one["batches"] in (alone["batches"] // 3, -(-alone["batches"] // 3)) for one in together)


@pytest.mark.slow
def test_everybody_hears_from_each(alone_and_together) -> None:
    for found in alone_and_together[1]:
        assert [text for text, _ in found["each"]] == ["", "é", "éé"]
        assert [value["rank"] for _, value in found["each"]] == [0, 1, 2]
        assert all(value["third"] == 1 / 3 and math.isnan(value["nan"]) for _, value in found["each"])


@pytest.mark.slow
def test_answers_come_soon_in_whatever_order_they_are_waited_for(alone_and_together) -> None:
    assert [found["soon"] for found in alone_and_together[1]] == [[True, True, False]] * PROCESSES


@pytest.mark.slow
def test_gradients_are_summed_and_something_done_meanwhile(alone_and_together) -> None:
    assert [found["summed"] for found in alone_and_together[1]] == [[[3.0, 3.0], [3.0], ["the next batch"]]] * PROCESSES


@pytest.mark.slow
def test_all_take_the_tensors_of_the_first(alone_and_together) -> None:
    assert [found["leader's"] for found in alone_and_together[1]] == [[[0, 7], [True]]] * PROCESSES


def test_a_lone_process_looks_when_the_answer_is_wanted() -> None:
    asked = [False]
    answer = World().soon(lambda: asked[0])
    asked[0] = True
    assert answer()
    assert World().from_each(asked) == [[True]]
