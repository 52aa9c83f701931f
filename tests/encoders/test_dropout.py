"""Dropout: how often, how much, and reproducibly."""

from __future__ import annotations

import pytest
import torch

from asrtrain.encoders.dropout import Dropout


@pytest.mark.parametrize("p", [0.1, 0.2, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_each_number_goes_with_the_probability_and_the_others_make_up(p: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    size = 400_001
    out = Dropout(p)(torch.ones(size, dtype=dtype))
    kept = out != 0
    # Four standard deviations, for all numbers and for those at each of the four places of a word.
    for part in (kept, *(kept[place::4] for place in range(4))):
        assert abs(float(part.double().mean()) - (1 - p)) < 4 * (p * (1 - p) / len(part)) ** 0.5
    torch.testing.assert_close(out[kept], torch.full_like(out[kept], 1 / (1 - p)), rtol=1e-2, atol=0)


def test_neighbours_and_later_calls_are_independent() -> None:
    torch.manual_seed(0)
    first, second = (Dropout(0.5)(torch.ones(100_000)) > 0 for _ in range(2))
    for one, other in ((first, second), *((first[:-step], first[step:]) for step in (1, 2, 3, 4))):
        assert abs(float((one == other).double().mean()) - 0.5) < 4 * 0.5 / len(one) ** 0.5


def test_the_generators_state_is_all_that_decides() -> None:
    dropout, ones = Dropout(0.3), torch.ones(3, 7, 5)
    state = torch.get_rng_state()
    first, second = dropout(ones), dropout(ones)
    torch.set_rng_state(state)
    assert torch.equal(dropout(ones), first)
    assert torch.equal(dropout(ones), second)
    assert not torch.equal(first, second)


def test_the_gradient_goes_where_the_numbers_went() -> None:
    ones = torch.ones(3, 7, 5).transpose(0, 2).requires_grad_()
    out = Dropout(0.3)(ones)
    out.sum().backward()
    assert ones.grad is not None
    assert torch.equal(ones.grad, out.detach())


def test_nothing_is_dropped_in_evaluation_nor_without_a_probability() -> None:
    numbers = torch.randn(50)
    assert Dropout(0.9).eval()(numbers) is numbers
    assert Dropout(0.0)(numbers) is numbers


def test_numbers_may_lie_in_any_order_in_memory() -> None:
    torch.manual_seed(0)
    whole = torch.ones(40, 30, 20)
    for ones in (whole.transpose(0, 1), whole.permute(2, 0, 1), whole[:, ::2], whole[:1, :1].expand(40, 30, 20)):
        kept = Dropout(0.5)(ones) != 0
        assert kept.shape == ones.shape
        for part in (kept, *kept[:8], *kept[:, :8].unbind(1), *kept[:, :, :8].unbind(2)):
            assert abs(float(part.double().mean()) - 0.5) < 5 * 0.5 / part.numel() ** 0.5
