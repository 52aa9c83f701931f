"""CTC against the sum over all alignments, and what it does with transcripts that do not fit."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch.nn import functional

from asrtrain.heads import ctc_feasible
from asrtrain.heads.ctc import CTCConfig
from asrtrain.types import Part, Scores, Targets

V = 3
LABELS = [string for length in range(4) for string in itertools.product((1, 2), repeat=length)]


def padded(targets: list[tuple[int, ...]], width: int = 0) -> Targets:
    width = max(width, *(len(string) for string in targets))
    values = torch.tensor([[*string, *[0] * (width - len(string))] for string in targets], dtype=torch.int64)
    return Targets(values.view(len(targets), width), torch.tensor([len(string) for string in targets]))


def ctc(logits: torch.Tensor, frames: list[int], targets: list[tuple[int, ...]], normalise: str = "none") -> Part:
    config = CTCConfig.model_validate({"normalise": normalise})
    return config.criterion()(Scores(logits, torch.tensor(frames)), padded(targets))


def collapse(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(symbol for symbol, _ in itertools.groupby(path) if symbol != 0)


def by_enumeration(probabilities: torch.Tensor, target: tuple[int, ...]) -> float:
    """−log of the summed probability of every path that spells the target; inf if there is none."""
    frames = len(probabilities)
    total = sum(
        math.prod(float(probabilities[t, symbol]) for t, symbol in enumerate(path))
        for path in itertools.product(range(V), repeat=frames)
        if collapse(path) == target
    )
    return -math.log(total) if total > 0 else math.inf


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5])
def test_the_loss_is_the_sum_over_all_alignments_and_finite_exactly_where_feasible(frames: int) -> None:
    logits = torch.randn(len(LABELS), frames, V, generator=torch.Generator().manual_seed(frames), dtype=torch.float64)
    found = ctc(logits, [frames] * len(LABELS), LABELS)
    for row, target in enumerate(LABELS):
        expected = by_enumeration(logits[row].softmax(1), target)
        assert bool(found.counted[row]) == math.isfinite(expected), target
        assert float(found.per_utterance[row]) == pytest.approx(expected if math.isfinite(expected) else 0.0, abs=1e-9)


@pytest.mark.parametrize("symbols", [(1,), (1, 2), (1, 2, 3)])
def test_feasible_is_where_torchs_loss_is_finite(symbols: tuple[int, ...]) -> None:
    targets = [string for length in range(5) for string in itertools.product(symbols, repeat=length)]
    told = padded(targets)
    for frames in range(1, 9):
        lengths = torch.full((len(targets),), frames)
        log_probabilities = torch.zeros(frames, len(targets), 4).log_softmax(2)
        loss = functional.ctc_loss(log_probabilities, told.values, lengths, told.lengths, reduction="none")
        assert torch.equal(ctc_feasible(lengths, told.values, told.lengths), loss.isfinite()), frames


def test_without_frames_nothing_is_feasible_and_what_pads_the_targets_means_nothing() -> None:
    none = torch.tensor([0, 0])
    assert ctc_feasible(none, torch.tensor([[1], [0]]), torch.tensor([1, 0])).tolist() == [False, False]
    targets = torch.tensor([[1, 2, 2, 2, 2]])
    assert ctc_feasible(torch.tensor([3]), targets, torch.tensor([3])).tolist() == [False]
    assert ctc_feasible(torch.tensor([2]), targets, torch.tensor([2])).tolist() == [True]
    assert ctc_feasible(torch.tensor([1]), torch.zeros(1, 0, dtype=torch.int64), torch.tensor([0])).tolist() == [True]


def test_infeasible_utterances_cost_nothing_move_nothing_and_leave_their_neighbours_alone() -> None:
    logits = torch.randn(4, 5, V, generator=torch.Generator().manual_seed(0)).requires_grad_()
    targets, frames = [(1, 2), (1, 1, 1), (2,), (1,)], [5, 4, 0, 1]
    found = ctc(logits, frames, targets)
    assert found.counted.tolist() == [True, False, False, True]
    assert found.per_utterance[1:3].tolist() == [0.0, 0.0]
    found.per_utterance.sum().backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert (logits.grad[1:3] == 0).all()
    kept = ctc(logits[[0, 3]], [5, 1], [targets[0], targets[3]])
    assert torch.equal(kept.per_utterance, found.per_utterance[[0, 3]])


@pytest.mark.parametrize("frames", [0, 2])
def test_a_batch_in_which_nothing_fits(frames: int) -> None:
    logits = torch.randn(2, frames, V).requires_grad_()
    found = ctc(logits, [frames, 0], [(1, 1, 1), (2,)])
    found.per_utterance.sum().backward()
    assert found.per_utterance.tolist() == [0.0, 0.0]
    assert not found.counted.any()


def test_frames_beyond_the_length_are_not_seen() -> None:
    logits = torch.randn(1, 6, V, generator=torch.Generator().manual_seed(0)).requires_grad_()
    found = ctc(logits, [4], [(1, 2)])
    found.per_utterance.sum().backward()
    assert logits.grad is not None
    assert (logits.grad[:, 4:] == 0).all()
    assert torch.allclose(found.per_utterance, ctc(logits[:, :4], [4], [(1, 2)]).per_utterance)


@pytest.mark.parametrize(("normalise", "divisors"), [("none", [1, 1]), ("labels", [2, 1]), ("frames", [6, 4])])
def test_losses_are_divided_as_asked(normalise: str, divisors: list[int]) -> None:
    logits = torch.randn(2, 6, V, generator=torch.Generator().manual_seed(0))
    plain = ctc(logits, [6, 4], [(1, 2), ()]).per_utterance
    torch.testing.assert_close(
        ctc(logits, [6, 4], [(1, 2), ()], normalise).per_utterance, plain / torch.tensor(divisors)
    )


@pytest.mark.parametrize("symbols", [2, 11, 15, 16, 29])
def test_few_symbols_and_many_come_to_torchs_losses_and_gradients(symbols: int) -> None:
    torch.manual_seed(0)
    logits = (5 * torch.randn(3, 12, symbols)).requires_grad_()
    frames, targets = [12, 9, 7], [(1,), (1, 1), (1, symbols - 1)]
    losses = ctc(logits, frames, targets).per_utterance
    (gradient,) = torch.autograd.grad(losses.sum(), logits)
    expected = functional.ctc_loss(
        logits.log_softmax(2).transpose(0, 1), padded(targets).values, torch.tensor(frames),
        torch.tensor([1, 2, 2]), reduction="none",
    )  # fmt: skip
    (expected_gradient,) = torch.autograd.grad(expected.sum(), logits)
    torch.testing.assert_close(losses, expected)
    torch.testing.assert_close(gradient, expected_gradient)
