"""Norms of gradients that several processes hold parts of."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import sharing
import torch

from asrtrain.clipping.sharded import sharded_norms
from asrtrain.errors import UsageError

Results = dict[float, tuple[torch.Tensor, torch.Tensor]]


@pytest.fixture(scope="module", params=[2, 4])
def measured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Results]:
    """What each of two, or of four, processes has measured."""
    world, folder = request.param, tmp_path_factory.mktemp("sharing")
    meeting = torch.distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    variables = {
        "WORLD_SIZE": str(world), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(meeting.port),
        "TORCHELASTIC_USE_AGENT_STORE": "True",
    }  # fmt: skip
    command = [sys.executable, sharing.__file__, str(folder)]
    running = [subprocess.Popen(command, env={**os.environ, **variables, "RANK": str(r)}) for r in range(world)]
    assert [process.wait() for process in running] == [0] * world
    return [torch.load(folder / f"{world}-{rank}.pt") for rank in range(world)]


@pytest.mark.parametrize("p", sharing.ORDERS)
def test_every_process_finds_the_norm_of_the_whole(measured: list[Results], p: float) -> None:
    whole = [tensor.double() for tensor in sharing.tensors()]
    expected = torch.stack([torch.linalg.vector_norm(tensor, p) for tensor in whole])
    total = torch.linalg.vector_norm(torch.cat(whole[:-1]), p)
    for norms, all_together in (one[p] for one in measured):
        torch.testing.assert_close(norms, expected, rtol=1e-12, atol=0.0, equal_nan=True)
        torch.testing.assert_close(all_together, total, rtol=1e-12, atol=0.0)


def test_all_processes_find_the_same_bits(measured: list[Results]) -> None:
    for p in sharing.ORDERS:
        for norms, total in (one[p] for one in measured[1:]):
            assert torch.equal(norms.nan_to_num(-1.0), measured[0][p][0].nan_to_num(-1.0))
            assert torch.equal(total, measured[0][p][1])


def test_shards_hold_every_element_once() -> None:
    for world in (2, 4):
        for place, tensor in enumerate(sharing.tensors()):
            parts = [sharing.shards(rank, world)[place] for rank in range(world)]
            assert torch.equal(torch.cat(parts).nan_to_num(-1.0), tensor.nan_to_num(-1.0))
            assert min(map(len, parts)) == 0 or place % 2 == 0


@pytest.mark.parametrize("p", [0.0, -1.0, float("nan")])
def test_an_order_that_is_none_is_refused(p: float) -> None:
    with pytest.raises(UsageError, match="order"):
        sharded_norms([torch.ones(2)], p)
