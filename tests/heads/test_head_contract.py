"""What every head of the table is judged by, through the same checks: its configuration and its criterion."""

from __future__ import annotations

import pytest
import torch
from pydantic import TypeAdapter

from asrtrain.heads import HEADS
from asrtrain.types import Part, Scores, Targets

B, T, V = 4, 6, 5
LENGTHS = torch.tensor([6, 4, 5, 3])


def targets_for(name: str) -> Targets:
    if HEADS[name]().task == "classification":
        return Targets(torch.tensor([[0], [4], [2], [2]]), torch.ones(B, dtype=torch.int64))
    return Targets(torch.tensor([[1, 1, 2], [3, 4, 0], [2, 0, 0], [0, 0, 0]]), torch.tensor([3, 2, 1, 0]))


def logits_for(name: str, dtype: torch.dtype = torch.float32, scale: float = 1.0) -> torch.Tensor:
    shape = (B, V) if HEADS[name]().task == "classification" else (B, T, V)
    return (scale * torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)).to(dtype)


def losses(name: str, logits: torch.Tensor) -> Part:
    return HEADS[name]().criterion()(Scores(logits, LENGTHS), targets_for(name))


pytestmark = pytest.mark.parametrize("name", [name for name, head in HEADS.items() if hasattr(head, "criterion")])


def test_one_loss_an_utterance_and_all_of_these_count(name: str) -> None:
    found = losses(name, logits_for(name))
    assert found.per_utterance.shape == found.counted.shape == (B,)
    assert found.per_utterance.dtype == torch.float32
    assert found.counted.dtype == torch.bool
    assert found.counted.all()
    assert (found.per_utterance > 0).all()


def test_the_gradient_is_that_of_finite_differences(name: str) -> None:
    logits = logits_for(name, torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: losses(name, x).per_utterance, (logits,))


def test_the_gradient_of_logits_sums_to_zero(name: str) -> None:
    logits = logits_for(name).requires_grad_()
    losses(name, logits).per_utterance.sum().backward()
    assert logits.grad is not None
    assert logits.grad.sum(-1).abs().max() < 1e-5
    assert logits.grad.abs().max() > 1e-3


@pytest.mark.parametrize("scale", [0.0, 1e4])
def test_extreme_scores_stay_finite(name: str, scale: float) -> None:
    logits = logits_for(name, scale=scale).requires_grad_()
    found = losses(name, logits)
    found.per_utterance.sum().backward()
    assert found.per_utterance.isfinite().all()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_scores_give_float32_losses(name: str, dtype: torch.dtype) -> None:
    rough, exact = losses(name, logits_for(name, dtype)), losses(name, logits_for(name, dtype).float())
    assert rough.per_utterance.dtype == torch.float32
    assert torch.equal(rough.per_utterance, exact.per_utterance)


def test_each_loss_is_its_own_utterances_alone(name: str) -> None:
    logits = logits_for(name).requires_grad_()
    losses(name, logits).per_utterance[1].backward()
    assert logits.grad is not None
    assert (logits.grad[[0, 2, 3]] == 0).all()


def test_better_scores_cost_less(name: str) -> None:
    """Descending the gradient lowers every loss."""
    logits = logits_for(name).requires_grad_()
    before = losses(name, logits).per_utterance
    before.sum().backward()
    assert logits.grad is not None
    after = losses(name, logits.detach() - 0.1 * logits.grad).per_utterance
    assert (after < before).all()


def test_the_configuration_knows_its_name_and_documents_every_field(name: str) -> None:
    assert HEADS[name]().name == name
    schema = TypeAdapter(HEADS[name]).json_schema()
    assert [k for k, field in schema["properties"].items() if k != "name" and "description" not in field] == []
