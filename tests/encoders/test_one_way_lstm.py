"""An LSTM layer of an odd number of inputs, filled up for matrix units, against PyTorch's own."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from asrtrain.encoders import one_way_lstm
from asrtrain.encoders.one_way_lstm import LSTM
from asrtrain.performance.setup import has_bf16

needs_bf16 = pytest.mark.skipif(not has_bf16(torch.device("cpu")), reason="the processor has no bf16")


def pair(input_size: int) -> tuple[LSTM, nn.LSTM]:
    """Ours and theirs of the same weights."""
    torch.manual_seed(0)
    ours, theirs = LSTM(input_size, 24), nn.LSTM(input_size, 24, batch_first=True)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


@pytest.fixture
def filled_up(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of what torch.lstm is asked for, as if the processor had matrix units."""
    sizes: list[int] = []
    lstm = torch.lstm

    def seen(frames: torch.Tensor, *others: object, **named: object) -> object:
        sizes.append(frames.shape[2])
        return lstm(frames, *others, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(one_way_lstm, "has_matrix_units", lambda: True)
    monkeypatch.setattr(torch, "lstm", seen)
    return sizes


@needs_bf16
@pytest.mark.parametrize(("input_size", "size"), [(13, 16), (39, 40), (117, 120)])
def test_what_is_filled_up_gives_the_same_numbers_and_gradients(
    input_size: int, size: int, filled_up: list[int]
) -> None:
    speech, found = torch.randn(4, 40, input_size), []
    for layer in pair(input_size):
        frames = speech.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16):
            hidden, (h, c) = layer(frames)
        hidden.float().square().mean().backward()
        found.append((hidden, h, c, frames.grad, *(p.grad for p in layer.parameters())))
    assert filled_up == [size]
    for ours, theirs in zip(*found, strict=True):
        assert ours.shape == theirs.shape
        assert ours.dtype == theirs.dtype
        assert (ours - theirs).norm() <= 0.01 * theirs.norm()  # bf16 has eight bits


@needs_bf16
def test_it_goes_on_from_a_state(filled_up: list[int]) -> None:
    layer, _ = pair(13)
    frames = torch.randn(4, 40, 13)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        whole, last = layer(frames)
        before, state = layer(frames[:, :25])
        after, end = layer(frames[:, 25:], state)
    torch.testing.assert_close(torch.cat([before, after], 1), whole, rtol=0, atol=0.01)
    torch.testing.assert_close(end, last, rtol=0, atol=0.01)
    assert filled_up == [16, 16, 16]


@needs_bf16
@pytest.mark.parametrize(
    ("frames", "state"), [((4, 40, 12), (1, 4, 24)), ((4, 40, 13), (1, 3, 24)), ((4, 40, 13), (1, 4, 20))]
)
def test_what_does_not_fit_is_refused(frames: tuple[int, ...], state: tuple[int, ...], filled_up: list[int]) -> None:
    layer, _ = pair(13)
    with torch.autocast("cpu", torch.bfloat16), pytest.raises(RuntimeError, match=r"must be equal|Expected hidden"):
        layer(torch.randn(frames), (torch.zeros(state), torch.zeros(state)))
    assert filled_up == []


@needs_bf16
def test_other_weights_can_take_the_place_of_its_own(filled_up: list[int]) -> None:
    layer, theirs = pair(13)
    others = {name: 2 * weight for name, weight in layer.named_parameters()}
    frames = torch.randn(4, 40, 13)
    with torch.autocast("cpu", torch.bfloat16):
        ours, _ = torch.func.functional_call(layer, others, frames)
        expected, _ = torch.func.functional_call(theirs, others, frames)
    assert filled_up == [16]
    assert (ours - expected).norm() <= 0.01 * expected.norm()


@needs_bf16
def test_without_matrix_units_nothing_is_filled_up(filled_up: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_way_lstm, "has_matrix_units", lambda: False)
    ours, theirs = pair(13)
    frames = torch.randn(4, 40, 13)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(ours(frames), theirs(frames), rtol=0, atol=0)
    assert filled_up == []


@pytest.mark.parametrize("input_size", [13, 14])
def test_in_float32_it_is_pytorch_s(input_size: int, filled_up: list[int]) -> None:
    ours, theirs = pair(input_size)
    frames = torch.randn(4, 40, input_size)
    torch.testing.assert_close(ours(frames), theirs(frames), rtol=0, atol=0)
    assert filled_up == []


@needs_bf16
def test_an_even_number_stays(filled_up: list[int]) -> None:
    ours, theirs = pair(14)
    frames = torch.randn(4, 40, 14)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(ours(frames), theirs(frames), rtol=0, atol=0)
    assert filled_up == []
