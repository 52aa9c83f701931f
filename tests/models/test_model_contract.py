"""Every model of the table, for classification and for transcription, through the same checks."""

from __future__ import annotations

import pytest
import torch
from pydantic import TypeAdapter

from asrtrain.models import MODELS, AcousticModel
from asrtrain.models.dropout import Dropout

F, V = 12, 7
LENGTHS = torch.tensor([23, 1, 10, 2])

pytestmark = pytest.mark.parametrize(
    ("name", "per_frame"),
    [(name, per_frame) for name in MODELS for per_frame in (False, True)],
    ids=lambda value: {True: "per_frame", False: "whole"}.get(value, value) if isinstance(value, bool) else value,
)


def build(name: str, per_frame: bool, seed: int = 0) -> AcousticModel:
    torch.manual_seed(seed)
    return MODELS[name]().build(F, V, per_frame=per_frame)


def speech(lengths: torch.Tensor = LENGTHS, padding: int = 0, seed: int = 1) -> torch.Tensor:
    """Random features, zero beyond each length; the same for the same utterance whatever the padding."""
    features = torch.zeros(len(lengths), int(lengths.max()) + padding, F)
    for row, length in enumerate(lengths.tolist()):
        generator = torch.Generator().manual_seed(seed + row)
        features[row, :length] = torch.randn(length, F, generator=generator)
    return features


def without_dropout(model: AcousticModel) -> AcousticModel:
    for module in model.modules():
        if isinstance(module, Dropout):
            module.p = 0.0
    return model


def real(logits: torch.Tensor, lengths: torch.Tensor, per_frame: bool) -> list[torch.Tensor]:
    return [row[: int(n)] if per_frame else row for row, n in zip(logits, lengths, strict=True)]


def test_shapes_and_output_lengths_are_what_was_promised(name: str, per_frame: bool) -> None:
    model = build(name, per_frame)
    scores = model(speech(), LENGTHS)
    assert torch.equal(scores.lengths, model.output_lengths(LENGTHS))
    assert scores.lengths.dtype == torch.int64
    frames = int(scores.lengths.max())
    assert scores.logits.shape == ((len(LENGTHS), frames, V) if per_frame else (len(LENGTHS), V))


def test_the_stride_is_what_output_lengths_divide_by(name: str, per_frame: bool) -> None:
    model, lengths = build(name, per_frame), torch.arange(1, 200)
    assert torch.equal(model.output_lengths(lengths), -(-lengths // model.stride))


def test_output_lengths_equal_what_comes_out_for_every_length(name: str, per_frame: bool) -> None:
    model = build(name, per_frame).eval()
    counts = model.output_lengths(torch.arange(1, 34))
    assert counts.min() >= 1
    assert (counts.diff() >= 0).all()
    if per_frame:
        for length in (1, 2, 3, 4, 5, 8, 9, 16, 17, 33):
            lengths = torch.tensor([length])
            assert model(speech(lengths), lengths).logits.shape[1] == counts[length - 1]


@pytest.mark.parametrize("training", [False, True])
def test_padding_never_changes_scores(name: str, per_frame: bool, training: bool) -> None:
    model = without_dropout(build(name, per_frame)).train(training)
    tight = model(speech(), LENGTHS)
    loose = model(speech(padding=19), LENGTHS)
    dirty_features = speech(padding=19)
    dirty_features[torch.arange(dirty_features.shape[1]) >= LENGTHS.unsqueeze(1)] = 1e3
    dirty = model(dirty_features, LENGTHS)
    for other in (loose, dirty):
        assert torch.equal(tight.lengths, other.lengths)
        for ours, theirs in zip(
            real(tight.logits, tight.lengths, per_frame), real(other.logits, other.lengths, per_frame), strict=True
        ):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_an_utterance_scores_the_same_alone_as_in_a_batch(name: str, per_frame: bool) -> None:
    model = build(name, per_frame).eval()
    # Running statistics that differ from 0 and 1, as after training.
    model.train()
    model(speech(), LENGTHS)
    model.eval()
    together = model(speech(), LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = model(speech()[row : row + 1, :length], LENGTHS[row : row + 1])
        expected = real(together.logits, together.lengths, per_frame)[row]
        torch.testing.assert_close(real(alone.logits, alone.lengths, per_frame)[0], expected, rtol=0, atol=1e-5)


def test_gradients_flow_to_every_parameter_and_to_real_frames_only(name: str, per_frame: bool) -> None:
    model = without_dropout(build(name, per_frame)).train()
    features = speech(padding=5).requires_grad_()
    scores = model(features, LENGTHS)
    weights = torch.randn(V, generator=torch.Generator().manual_seed(3))
    losses = [(row @ weights).square().mean() for row in real(scores.logits, scores.lengths, per_frame)]
    torch.stack(losses).sum().backward()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.isfinite().all(), parameter_name
        assert parameter.grad.abs().sum() > 0, parameter_name
    assert features.grad is not None
    padding = torch.arange(features.shape[1]) >= LENGTHS.unsqueeze(1)
    assert (features.grad[padding] == 0).all()
    assert (features.grad.abs().sum((1, 2)) > 0).all()


def test_the_seed_decides_the_weights(name: str, per_frame: bool) -> None:
    first, again, other = (build(name, per_frame, seed).state_dict() for seed in (5, 5, 6))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("training", [False, True])
def test_one_short_utterance_alone(name: str, per_frame: bool, length: int, training: bool) -> None:
    model = build(name, per_frame).train(training)
    lengths = torch.tensor([length])
    scores = model(speech(lengths), lengths)
    scores.logits.sum().backward()
    assert scores.logits.isfinite().all()
    assert all(buffer.isfinite().all() for buffer in model.buffers())


def test_an_utterance_without_frames_harms_nobody(name: str, per_frame: bool) -> None:
    model = build(name, per_frame).eval()
    with_empty = model(torch.cat([speech(), torch.zeros_like(speech()[:1])]), torch.cat([LENGTHS, torch.tensor([0])]))
    without = model(speech(), LENGTHS)
    assert with_empty.lengths[-1] == 0
    assert with_empty.logits.isfinite().all()
    torch.testing.assert_close(with_empty.logits[:-1], without.logits, rtol=0, atol=1e-5)


def test_bfloat16_autocast_is_finite_and_near(name: str, per_frame: bool) -> None:
    model = without_dropout(build(name, per_frame)).eval()
    exact = model(speech(), LENGTHS).logits
    with torch.autocast("cpu", torch.bfloat16):
        rough = model(speech(), LENGTHS).logits
    rough.float().square().sum().backward()
    assert rough.isfinite().all()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    difference = torch.cat([d.flatten() for d in real(rough.float() - exact, model.output_lengths(LENGTHS), per_frame)])
    assert difference.abs().max() < 0.1


def test_the_state_survives_a_round_trip(name: str, per_frame: bool) -> None:
    model, other = build(name, per_frame, seed=0), build(name, per_frame, seed=1)
    model.train()
    model(speech(), LENGTHS)
    state = {key: value.clone() for key, value in model.state_dict().items()}
    assert all(value.is_contiguous() for value in state.values()), "checkpoints hold contiguous tensors"
    other.load_state_dict(state)
    assert torch.equal(model.eval()(speech(), LENGTHS).logits, other.eval()(speech(), LENGTHS).logits)


def test_dropout_acts_in_training_only(name: str, per_frame: bool) -> None:
    config = MODELS[name].model_validate({"name": name, "dropout": 0.5})
    torch.manual_seed(0)
    model = config.build(F, V, per_frame=per_frame)
    model.train()
    assert not torch.equal(model(speech(), LENGTHS).logits, model(speech(), LENGTHS).logits)
    model.eval()
    assert torch.equal(model(speech(), LENGTHS).logits, model(speech(), LENGTHS).logits)


def test_the_configuration_knows_its_name_and_documents_every_field(name: str, per_frame: bool) -> None:
    assert MODELS[name]().name == name
    schema = TypeAdapter(MODELS[name]).json_schema()
    undocumented = [key for key, field in schema["properties"].items() if key != "name" and "description" not in field]
    assert undocumented == []
