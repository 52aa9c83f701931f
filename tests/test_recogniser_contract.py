"""Every encoder of the table with every head of the other, through the same checks."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from asrtrain.encoders import ENCODERS
from asrtrain.encoders.dropout import Dropout
from asrtrain.heads import HEADS
from asrtrain.recogniser import Recogniser
from asrtrain.types import Batch, Frames, Hypothesis, Losses, Scores, Targets
from tests.recognisers import recogniser

F, V = 12, 7
LENGTHS = torch.tensor([23, 1, 10, 2])

SCORING = [head for head in HEADS if recogniser("softmax", F, V, head=head).head.reading in ("classes", "frames")]
"""Heads that score utterances or frames at once, and not one label after the other."""

# One head of classes with every encoder shows what another one would.
PAIRS = [(encoder, head) for encoder in ENCODERS for head in HEADS if head != "mae" or encoder == "cnn"]
every = pytest.mark.parametrize(("encoder", "head"), PAIRS)
scoring = pytest.mark.parametrize(("encoder", "head"), [pair for pair in PAIRS if pair[1] in SCORING])


def build(encoder: str, head: str, seed: int = 0, **settings: float) -> Recogniser:
    torch.manual_seed(seed)
    return recogniser(encoder, F, V, head=head, **settings)


def speech(
    lengths: torch.Tensor = LENGTHS, padding: int = 0, dirt: float = 0.0, dtype: torch.dtype = torch.float32
) -> Batch:
    """Random utterances, the same whatever their padding and their neighbours; one class or up to three symbols each.

    Beyond each length lies ``dirt``.
    """
    features = torch.full((len(lengths), int(lengths.max()) + padding, F), dirt)
    classes, symbols = torch.zeros(len(lengths), 1, dtype=torch.int64), torch.zeros(len(lengths), 3, dtype=torch.int64)
    counts = torch.zeros(len(lengths), dtype=torch.int64)
    for row, length in enumerate(lengths.tolist()):
        generator = torch.Generator().manual_seed(1 + row)
        features[row, :length] = torch.randn(length, F, generator=generator)
        classes[row] = torch.randint(V, (1,), generator=generator)
        counts[row] = min(3, -(-length // 8))
        symbols[row, : counts[row]] = 1 + torch.randperm(V - 1, generator=generator)[: int(counts[row])]
    return Batch(
        tuple(map(str, range(len(lengths)))),
        features.to(dtype),
        lengths,
        {"label": Targets(classes, torch.ones_like(lengths)), "char": Targets(symbols, counts)},
        starts=tuple(map(float, range(len(lengths)))),
    )


def lengths_of(count: int) -> torch.Tensor:
    return torch.randint(1, 60, (count,), generator=torch.Generator().manual_seed(count))


def without_dropout(model: Recogniser) -> Recogniser:
    for module in model.modules():
        if isinstance(module, Dropout):
            module.p = 0.0
    return model


def as_after_training(model: Recogniser) -> Recogniser:
    """In evaluation, with running statistics that differ from 0 and 1."""
    model.train()
    model(speech())
    return model.eval()


def scored(model: Recogniser, batch: Batch) -> Scores:
    return model.head.scorer(model.encode(batch))


def real(model: Recogniser, scores: Scores) -> list[torch.Tensor]:
    """The scores of each utterance, without those of padding."""
    frames = model.head.reading == "frames"
    return [row[:length] if frames else row for row, length in zip(scores.logits, scores.lengths.tolist(), strict=True)]


def gradients(model: Recogniser, losses: Losses) -> list[torch.Tensor]:
    return list(torch.autograd.grad(losses.per_utterance.sum(), list(model.parameters()), retain_graph=True))


@scoring
@pytest.mark.parametrize("size", [1, 7, 32])
@pytest.mark.parametrize("training", [False, True])
def test_padding_never_changes_scores(encoder: str, head: str, size: int, training: bool) -> None:
    """In training in double precision: statistics of a whole batch gather what is rounded in all of its frames."""
    model, lengths = as_after_training(without_dropout(build(encoder, head))).train(training), lengths_of(size)
    precision, most = (torch.float64, 1e-9) if training else (torch.float32, 1e-5)
    model.to(precision)
    tight = scored(model, speech(lengths, dtype=precision))
    for padding, dirt in ((19, 0.0), (19, 1e3), (0, 1e3)):
        other = scored(model, speech(lengths, padding, dirt, precision))
        assert torch.equal(tight.lengths, other.lengths)
        for ours, theirs in zip(real(model, tight), real(model, other), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=most)


@every
def test_padding_never_changes_losses(encoder: str, head: str) -> None:
    model, lengths = as_after_training(build(encoder, head)), lengths_of(7)
    tight = model(speech(lengths)).per_utterance
    for padding, dirt in ((19, 0.0), (19, 1e3), (0, 1e3)):
        torch.testing.assert_close(model(speech(lengths, padding, dirt)).per_utterance, tight, rtol=1e-4, atol=1e-5)


@scoring
@pytest.mark.parametrize("size", [7, 32])
def test_an_utterance_scores_the_same_alone_as_in_a_batch(encoder: str, head: str, size: int) -> None:
    model = as_after_training(build(encoder, head))
    batch = speech(lengths_of(size))
    together, losses = real(model, scored(model, batch)), model(batch)
    for row in range(size):
        own = batch.select([row])
        (alone,) = real(model, scored(model, own))
        torch.testing.assert_close(alone, together[row], rtol=0, atol=1e-5)
        torch.testing.assert_close(model(own).per_utterance[0], losses.per_utterance[row], rtol=1e-4, atol=1e-5)


@scoring
def test_what_comes_out_follows_from_the_stride_for_every_length(encoder: str, head: str) -> None:
    model, batch = build(encoder, head).eval(), speech(torch.arange(1, 201))
    frames = model.encode(batch)
    # Of whole utterances, encoders that know no time leave a single frame.
    joined = model.head.reading == "classes" and ENCODERS[encoder]().top.pooling is None
    expected = torch.ones_like(batch.lengths) if joined else -(-batch.lengths // model.stride)
    assert torch.equal(frames.lengths, expected)
    assert torch.equal(model.output_lengths(batch.lengths), expected)
    assert frames.values.shape[1] == int(expected.max())
    assert (frames.covered, frames.stride, frames.starts) == (batch.lengths, model.stride, batch.starts)
    assert torch.equal(model.head.scorer(frames).lengths, expected)


@scoring
def test_losses_and_scores_have_their_shapes(encoder: str, head: str) -> None:
    model = build(encoder, head)
    losses, scores = model(speech()), scored(model, speech())
    (part,) = losses.parts.values()
    assert list(losses.parts) == [head]
    assert losses.per_utterance.shape == losses.counted.shape == (len(LENGTHS),)
    assert losses.counted.all()
    assert torch.equal(losses.per_utterance, part.per_utterance)
    assert torch.equal(losses.counted, part.counted)
    frames = int(scores.lengths.max())
    assert scores.logits.shape == ((len(LENGTHS), V) if model.head.reading == "classes" else (len(LENGTHS), frames, V))


@every
@pytest.mark.parametrize("training", [False, True])
def test_an_empty_batch_has_no_losses_but_all_of_the_graph(encoder: str, head: str, training: bool) -> None:
    model = build(encoder, head).train(training)
    losses = model(speech().select([]))
    assert losses.per_utterance.shape == losses.counted.shape == (0,)
    losses.per_utterance.sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert not parameter.grad.any(), name


@every
def test_no_loss_depends_on_another_utterance(encoder: str, head: str) -> None:
    """In evaluation: while they are trained, some networks normalise over the batch."""
    model, batch = as_after_training(build(encoder, head)), speech(lengths_of(4), padding=5)
    batch.features.requires_grad_()
    losses = model(batch).per_utterance
    for row in range(4):
        (gradient,) = torch.autograd.grad(losses[row], batch.features, retain_graph=True)
        length = int(batch.lengths[row])
        assert gradient[row, :length].any()
        assert not gradient[row, length:].any()
        assert not gradient[[other for other in range(4) if other != row]].any()


@every
@pytest.mark.parametrize("training", [False, True])
def test_a_second_backward_pass_gives_the_same_gradients(encoder: str, head: str, training: bool) -> None:
    model = build(encoder, head).train(training)
    losses = model(speech())
    for first, second in zip(gradients(model, losses), gradients(model, losses), strict=True):
        assert first.isfinite().all()
        assert torch.equal(first, second)


@every
def test_gradients_flow_to_every_parameter(encoder: str, head: str) -> None:
    model = without_dropout(build(encoder, head)).train()
    model(speech()).per_utterance.sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


@scoring
def test_under_autocast_losses_are_float32_and_heads_run_outside_of_it(encoder: str, head: str) -> None:
    model, seen = without_dropout(build(encoder, head)).eval(), list[tuple[torch.dtype, bool]]()

    def look(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        seen.append((output.dtype, torch.is_autocast_enabled("cpu")))

    exact = model(speech()).per_utterance
    model.head.get_submodule("output.linear").register_forward_hook(look)
    with torch.autocast("cpu", torch.bfloat16):
        losses = model(speech())
    assert seen == [(torch.float32, False)]
    assert losses.per_utterance.dtype == torch.float32
    assert losses.per_utterance.isfinite().all()
    torch.testing.assert_close(losses.per_utterance, exact, rtol=0.05, atol=0.05)
    losses.per_utterance.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@every
def test_validating_is_losses_and_decoding(encoder: str, head: str) -> None:
    model, batch = as_after_training(build(encoder, head)), speech(lengths_of(7))
    search = model.search()
    losses, hypotheses = model.validate(batch, search)
    frames = model.encode(batch)
    expected = model.losses(frames, batch)
    assert torch.equal(losses.per_utterance, expected.per_utterance)
    assert torch.equal(losses.counted, expected.counted)
    assert losses.parts.keys() == expected.parts.keys()
    assert torch.equal(losses.parts[head].per_utterance, expected.parts[head].per_utterance)
    assert hypotheses == model.decode(frames, search) == model.recognise(batch, search)
    assert [hypothesis.id for hypothesis in hypotheses] == list(batch.ids)


@every
def test_autocast_changes_nothing_behind_the_encoder(encoder: str, head: str) -> None:
    model, batch = as_after_training(build(encoder, head)), speech(lengths_of(3))
    frames, search = model.encode(batch), model.search()
    with torch.autocast("cpu", torch.bfloat16):
        inside = model.decode(frames, search), model.losses(frames, batch).per_utterance
    assert inside[0] == model.decode(frames, search)
    assert torch.equal(inside[1], model.losses(frames, batch).per_utterance)


@every
def test_the_seed_decides_the_weights(encoder: str, head: str) -> None:
    first, again, other = (build(encoder, head, seed).state_dict() for seed in (5, 5, 6))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)


@scoring
def test_weights_are_named_by_encoder_and_head_and_survive_a_round_trip(encoder: str, head: str) -> None:
    model, other = build(encoder, head, seed=0), build(encoder, head, seed=1)
    as_after_training(model)
    state = {key: value.clone() for key, value in model.state_dict().items()}
    assert all(value.is_contiguous() for value in state.values()), "checkpoints hold contiguous tensors"
    assert {key for key in state if not key.startswith("encoder.")} == {
        f"heads.{head}.output.linear.weight",
        f"heads.{head}.output.linear.bias",
    }
    other.load_state_dict(state)
    assert torch.equal(scored(model, speech()).logits, scored(other.eval(), speech()).logits)


@scoring
def test_dropout_acts_in_training_only(encoder: str, head: str) -> None:
    model = build(encoder, head, dropout=0.5).train()
    assert not torch.equal(scored(model, speech()).logits, scored(model, speech()).logits)
    model.eval()
    assert torch.equal(scored(model, speech()).logits, scored(model, speech()).logits)


@scoring
@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("training", [False, True])
def test_one_short_utterance_alone(encoder: str, head: str, length: int, training: bool) -> None:
    model, batch = build(encoder, head).train(training), speech(torch.tensor([length]))
    scores, losses = scored(model, batch), model(batch)
    losses.per_utterance.sum().backward()
    assert scores.logits.isfinite().all()
    assert losses.per_utterance.isfinite().all()
    assert all(buffer.isfinite().all() for buffer in model.buffers())


@scoring
def test_an_utterance_without_frames_harms_nobody(encoder: str, head: str) -> None:
    model, batch = build(encoder, head).eval(), speech(torch.tensor([*LENGTHS.tolist(), 0]))
    with_empty, losses = scored(model, batch), model(batch)
    without = scored(model, speech())
    assert with_empty.lengths[-1] == 0
    assert with_empty.logits.isfinite().all()
    assert losses.per_utterance.isfinite().all()
    torch.testing.assert_close(with_empty.logits[:-1], without.logits, rtol=0, atol=1e-5)


@every
def test_one_that_is_too_short_costs_nothing_and_moves_nothing(encoder: str, head: str) -> None:
    """Where frames are scored; a class or a label can always be found."""
    model, batch = build(encoder, head).eval(), speech()
    batch.targets["char"].values[1] = torch.tensor([1, 1, 1])
    batch.targets["char"].lengths[1] = 3
    batch.features.requires_grad_()
    losses, counts = model(batch), model.head.reading != "frames"
    (gradient,) = torch.autograd.grad(losses.per_utterance[1], batch.features)
    assert losses.counted.tolist() == [True, counts, True, True]
    assert bool(losses.per_utterance[1] > 0) == bool(gradient.any()) == counts


def test_tuning_keeps_scores_in_memory_and_no_hidden_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    model, kept = build("gru", "ctc").eval(), list[int]()

    def search(scores: Scores, frames: Frames, shift: float) -> list[Hypothesis]:
        kept.append(frames.values.untyped_storage().nbytes())
        return model.search()(scores, frames, shift)

    monkeypatch.setattr(model.head, "tune", lambda scored, errors: errors())
    model.tune([speech(), speech()], search, len)
    assert kept == [0, 0]
