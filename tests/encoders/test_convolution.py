"""Normalisation over real frames, and pooling that never looks at padding."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from asrtrain.encoders import ENCODERS
from asrtrain.encoders.activations import ACTIVATIONS, activation
from asrtrain.encoders.convolution import ConvBlock2d, FrameNorm
from asrtrain.encoders.settings import ActivationName
from asrtrain.errors import UsageError

LENGTHS = torch.tensor([9, 4, 6])


def test_without_padding_it_is_torchs_batch_norm() -> None:
    torch.manual_seed(0)
    signal = 3 + 2 * torch.randn(3, 5, 9, 4)
    ours, theirs = FrameNorm(5, nn.Identity()), nn.BatchNorm2d(5)
    for _ in range(3):
        torch.testing.assert_close(ours(signal, torch.tensor([9, 9, 9])), theirs(signal))
    torch.testing.assert_close(ours.norm.running_mean, theirs.running_mean)
    torch.testing.assert_close(ours.norm.running_var, theirs.running_var)
    torch.testing.assert_close(ours.eval()(signal, torch.tensor([9, 9, 9])), theirs.eval()(signal))


def test_the_statistics_are_those_of_real_frames() -> None:
    torch.manual_seed(0)
    signal = torch.randn(3, 5, 9)
    frames = torch.cat([signal[row, :, :length] for row, length in enumerate(LENGTHS.tolist())], dim=1)
    ours = FrameNorm(5, nn.Identity())(signal, LENGTHS)
    mean, variance = frames.mean(1), frames.var(1, correction=0)
    expected = (signal - mean[:, None]) / (variance[:, None] + 1e-5).sqrt()
    for row, length in enumerate(LENGTHS.tolist()):
        torch.testing.assert_close(ours[row, :, :length], expected[row, :, :length], rtol=0, atol=1e-5)
        assert (ours[row, :, length:] == 0).all()


def test_a_single_frame_is_normalised_by_what_was_learnt_before() -> None:
    norm = FrameNorm(2, nn.Identity())
    out = norm(torch.tensor([[[1.0], [2.0]]]), torch.tensor([1]))
    torch.testing.assert_close(out, torch.tensor([[[1.0], [2.0]]]), rtol=0, atol=1e-4)
    assert norm.norm.running_var is not None
    assert norm.norm.running_var.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("frames_first", [False, True])
def test_gradients_are_those_of_real_frames_normalised_by_torch(frames_first: bool) -> None:
    torch.manual_seed(0)
    signal = torch.randn(3, 5, 9, 4)
    if frames_first:
        signal = signal.movedim(1, -1).contiguous().movedim(-1, 1)
    weights = torch.randn(3, 5, 9, 4)
    real = torch.arange(9) < LENGTHS[:, None]
    ours, theirs = FrameNorm(5, nn.Tanh()), nn.BatchNorm1d(5)
    here, there = signal.clone().requires_grad_(), signal.clone().requires_grad_()
    (ours(here, LENGTHS) * weights).sum().backward()
    rows, of_rows = (tensor.movedim(1, -1)[real].reshape(-1, 5) for tensor in (there, weights))
    (theirs(rows).tanh() * of_rows).sum().backward()
    assert here.grad is not None
    torch.testing.assert_close(here.grad, there.grad, rtol=0, atol=1e-5)
    for name, parameter in theirs.named_parameters():
        torch.testing.assert_close(ours.norm.get_parameter(name).grad, parameter.grad, rtol=0, atol=1e-4)


@pytest.mark.parametrize("pool", [(2, 2), (1, 2), (2, 1)])
@pytest.mark.parametrize("channels", [1, 5])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("gain", [1.0, -1.0])
def test_maxima_and_their_gradients_are_those_of_real_frames_normalised_by_torch(
    pool: tuple[int, int], channels: int, training: bool, gain: float
) -> None:
    """Whether all gains are positive, so that maxima are taken first, or not."""
    torch.manual_seed(0)
    ours, theirs = FrameNorm(channels, nn.Identity()), nn.BatchNorm1d(channels)
    for norm in (ours.norm, theirs):
        norm.weight.data = torch.linspace(0.5, 2, channels)
        norm.weight.data[0] *= gain
        norm.bias.data = torch.linspace(-1, 1, channels)
        norm.train(training)
    signal, real = 1 + torch.randn(3, channels, 9, 7), torch.arange(9) < LENGTHS[:, None]
    here, there = signal.clone().requires_grad_(), signal.clone().requires_grad_()
    answer = ours.train(training)(here * 1, LENGTHS, pool)  # a copy, whose padding is written over
    weights = torch.randn(answer.shape)
    (answer * weights).sum().backward()
    expected = torch.full((3, 9, 7, channels), -torch.inf)
    expected[real] = theirs(there.movedim(1, -1)[real].reshape(-1, channels)).view(-1, 7, channels)
    expected = nn.functional.max_pool2d(expected.movedim(-1, 1), pool, ceil_mode=True)
    kept = expected.where(expected.isfinite(), 0.0)
    (kept * weights).sum().backward()
    torch.testing.assert_close(answer, kept, rtol=0, atol=1e-5)
    assert here.grad is not None
    torch.testing.assert_close(here.grad, there.grad, rtol=0, atol=1e-5)
    for name, parameter in theirs.named_parameters():
        torch.testing.assert_close(ours.norm.get_parameter(name).grad, parameter.grad, rtol=0, atol=1e-4)
    for name in ("running_mean", "running_var"):
        torch.testing.assert_close(ours.norm.get_buffer(name), theirs.get_buffer(name))


@pytest.mark.parametrize("training", [True, False])
def test_an_empty_batch_has_maxima_and_gradients_of_nothing(training: bool) -> None:
    signal = torch.zeros(0, 5, 9, 7, requires_grad=True)
    norm = FrameNorm(5, nn.Identity()).train(training)
    maxima = norm(signal, torch.zeros(0, dtype=torch.int64), (2, 2))
    assert maxima.shape == (0, 5, 5, 4)
    maxima.sum().backward()
    assert signal.grad is not None
    assert signal.grad.shape == signal.shape


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_the_maximum_comes_before_the_nonlinearity_only_where_that_is_the_same(kind: ActivationName) -> None:
    torch.manual_seed(0)
    block, lengths = ConvBlock2d(1, 4, (2, 2), activation(kind)), torch.tensor([5, 3])
    signal = torch.randn(2, 1, 5, 6)
    pooled, halved = block(signal, lengths)
    normal = block.norm.norm(block.conv(signal).movedim(1, -1)[torch.arange(5) < lengths[:, None]].reshape(-1, 4))
    expected = torch.full((2, 5, 6, 4), -torch.inf)
    expected[torch.arange(5) < lengths[:, None]] = activation(kind)(normal).view(-1, 6, 4)
    expected = nn.functional.max_pool2d(expected.movedim(-1, 1), (2, 2), ceil_mode=True)
    assert halved.tolist() == [3, 2]
    torch.testing.assert_close(pooled, expected.where(expected.isfinite(), 0.0), rtol=0, atol=1e-5)


@pytest.mark.parametrize("nonlinearity", [nn.ReLU(), nn.Tanh(), nn.Sigmoid()])
def test_a_window_that_ends_in_padding_takes_the_maximum_of_its_real_frames(nonlinearity: nn.Module) -> None:
    torch.manual_seed(0)
    block = ConvBlock2d(1, 4, (2, 2), nonlinearity).eval()
    signal = torch.randn(1, 1, 5, 6)
    alone, lengths = block(signal, torch.tensor([5]))
    padded, _ = block(nn.functional.pad(signal, (0, 0, 0, 3)), torch.tensor([5]))
    assert lengths.tolist() == [3]
    torch.testing.assert_close(padded[:, :, :3], alone, rtol=0, atol=1e-6)
    assert (padded[:, :, 3:] == 0).all()


def test_features_as_maps_must_divide() -> None:
    config = ENCODERS["cnn"].model_validate({"name": "cnn", "feature_maps": 3})
    encoder = config.build(39, per_frame=False)
    values, lengths = encoder(torch.randn(2, 8, 39), torch.tensor([8, 3]))
    assert values.shape == (2, 2, encoder.output_size)
    assert lengths.tolist() == [2, 1]
    with pytest.raises(UsageError, match=r"model\.feature_maps: 40 features .* 3 equal maps"):
        config.build(40, per_frame=False)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"name": "cnn", "channels": [8, 8], "halve_time": 3}, "halve_time: 3 blocks .* use at most 2"),
        ({"name": "cnn_rnn", "channels": [8], "halve_time": 2}, "halve_time: 2 blocks .* use at most 1"),
        ({"name": "tc_resnet", "channels": [8, 8], "strides": [2, 2]}, r"strides needs 1 \(one a block\), not 2"),
        ({"name": "tc_resnet", "kernel_size": 4}, "kernel_size: 4 is even; use 5"),
        ({"name": "cnn", "channels": []}, "at least 1 item"),
        ({"name": "mlp", "dropout": 1.0}, "less than 1"),
        ({"name": "rnn", "nonlinearity": "gelu"}, "'tanh' or 'relu'"),
    ],
)
def test_settings_that_clash_are_refused_in_words(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ENCODERS[str(settings["name"])].model_validate(settings)
