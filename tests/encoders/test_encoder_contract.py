"""Every encoder of the table, for classification and for transcription, through the same checks."""

from __future__ import annotations

import pytest
import torch
from pydantic import TypeAdapter

from asrtrain.encoders import ENCODERS, Encoder
from asrtrain.encoders.dropout import Dropout

F = 12
LENGTHS = torch.tensor([23, 1, 10, 2])

pytestmark = pytest.mark.parametrize(
    ("name", "per_frame"),
    [(name, per_frame) for name in ENCODERS for per_frame in (False, True)],
    ids=lambda value: {True: "per_frame", False: "whole"}.get(value, value) if isinstance(value, bool) else value,
)


def build(name: str, per_frame: bool, seed: int = 0) -> Encoder:
    torch.manual_seed(seed)
    return ENCODERS[name]().build(F, per_frame=per_frame)


def speech(lengths: torch.Tensor = LENGTHS, padding: int = 0, seed: int = 1) -> torch.Tensor:
    """Random features, zero beyond each length; the same for the same utterance whatever the padding."""
    features = torch.zeros(len(lengths), int(lengths.max()) + padding, F)
    for row, length in enumerate(lengths.tolist()):
        generator = torch.Generator().manual_seed(seed + row)
        features[row, :length] = torch.randn(length, F, generator=generator)
    return features


def without_dropout(encoder: Encoder) -> Encoder:
    for module in encoder.modules():
        if isinstance(module, Dropout):
            module.p = 0.0
    return encoder


def real(values: torch.Tensor, lengths: torch.Tensor) -> list[torch.Tensor]:
    return [row[:length] for row, length in zip(values, lengths.tolist(), strict=True)]


def joins_all_frames(name: str, per_frame: bool) -> bool:
    """Whether one frame is left of a whole utterance, by an encoder that knows no time."""
    return not per_frame and ENCODERS[name]().top.pooling is None


def test_shapes_and_output_lengths_are_what_was_promised(name: str, per_frame: bool) -> None:
    encoder = build(name, per_frame)
    values, lengths = encoder(speech(), LENGTHS)
    assert torch.equal(lengths, encoder.output_lengths(LENGTHS))
    assert lengths.dtype == torch.int64
    assert values.shape == (len(LENGTHS), int(lengths.max()), encoder.output_size)


def test_the_stride_is_what_output_lengths_divide_by(name: str, per_frame: bool) -> None:
    encoder, lengths = build(name, per_frame), torch.arange(1, 200)
    expected = torch.ones_like(lengths) if joins_all_frames(name, per_frame) else -(-lengths // encoder.stride)
    assert torch.equal(encoder.output_lengths(lengths), expected)


def test_output_lengths_equal_what_comes_out_for_every_length(name: str, per_frame: bool) -> None:
    encoder = build(name, per_frame).eval()
    counts = encoder.output_lengths(torch.arange(1, 34))
    assert counts.min() >= 1
    assert (counts.diff() >= 0).all()
    for length in (1, 2, 3, 4, 5, 8, 9, 16, 17, 33):
        lengths = torch.tensor([length])
        values, left = encoder(speech(lengths), lengths)
        assert values.shape[1] == int(left) == counts[length - 1]


@pytest.mark.parametrize("training", [False, True])
def test_padding_never_changes_hidden_frames(name: str, per_frame: bool, training: bool) -> None:
    encoder = without_dropout(build(name, per_frame)).train(training)
    tight, lengths = encoder(speech(), LENGTHS)
    dirty = speech(padding=19)
    dirty[torch.arange(dirty.shape[1]) >= LENGTHS.unsqueeze(1)] = 1e3
    for features in (speech(padding=19), dirty):
        values, left = encoder(features, LENGTHS)
        assert torch.equal(lengths, left)
        for ours, theirs in zip(real(tight, lengths), real(values, left), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_an_utterance_is_the_same_alone_as_in_a_batch(name: str, per_frame: bool) -> None:
    encoder = build(name, per_frame)
    # Running statistics that differ from 0 and 1, as after training.
    encoder.train()
    encoder(speech(), LENGTHS)
    encoder.eval()
    together = real(*encoder(speech(), LENGTHS))
    for row, length in enumerate(LENGTHS.tolist()):
        (alone,) = real(*encoder(speech()[row : row + 1, :length], LENGTHS[row : row + 1]))
        torch.testing.assert_close(alone, together[row], rtol=0, atol=1e-5)


def test_gradients_flow_to_every_parameter_and_to_real_frames_only(name: str, per_frame: bool) -> None:
    encoder = without_dropout(build(name, per_frame)).train()
    features = speech(padding=5).requires_grad_()
    weights = torch.randn(encoder.output_size, generator=torch.Generator().manual_seed(3))
    losses = [(row @ weights).square().mean() for row in real(*encoder(features, LENGTHS))]
    torch.stack(losses).sum().backward()
    for parameter_name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.isfinite().all(), parameter_name
        assert parameter.grad.abs().sum() > 0, parameter_name
    assert features.grad is not None
    padding = torch.arange(features.shape[1]) >= LENGTHS.unsqueeze(1)
    assert (features.grad[padding] == 0).all()
    assert (features.grad.abs().sum((1, 2)) > 0).all()


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("training", [False, True])
def test_one_short_utterance_alone(name: str, per_frame: bool, length: int, training: bool) -> None:
    encoder = build(name, per_frame).train(training)
    lengths = torch.tensor([length])
    values, _ = encoder(speech(lengths).requires_grad_(), lengths)
    values.sum().backward()
    assert values.isfinite().all()
    assert all(buffer.isfinite().all() for buffer in encoder.buffers())


def test_an_utterance_without_frames_harms_nobody(name: str, per_frame: bool) -> None:
    encoder = build(name, per_frame).eval()
    features = torch.cat([speech(), torch.zeros_like(speech()[:1])])
    values, lengths = encoder(features, torch.cat([LENGTHS, torch.tensor([0])]))
    without, _ = encoder(speech(), LENGTHS)
    assert lengths[-1] == 0
    assert values.isfinite().all()
    torch.testing.assert_close(values[:-1], without, rtol=0, atol=1e-5)


def test_bfloat16_autocast_is_finite_and_near(name: str, per_frame: bool) -> None:
    encoder = without_dropout(build(name, per_frame)).eval()
    exact, lengths = encoder(speech(), LENGTHS)
    with torch.autocast("cpu", torch.bfloat16):
        rough, _ = encoder(speech().requires_grad_(), LENGTHS)
    rough.float().square().sum().backward()
    assert rough.isfinite().all()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in encoder.parameters())
    difference = torch.cat([row.flatten() for row in real(rough.float() - exact, lengths)])
    assert difference.abs().max() < 0.1


def test_the_configuration_knows_its_name_and_documents_every_field(name: str, per_frame: bool) -> None:
    assert ENCODERS[name]().name == name
    schema = TypeAdapter(ENCODERS[name]).json_schema()
    undocumented = [key for key, field in schema["properties"].items() if key != "name" and "description" not in field]
    assert undocumented == []
