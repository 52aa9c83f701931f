"""Every recogniser of hidden Markov models, of single words and of strings, through the checks of all recognisers."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
import torch
from hmm_cases import aligned

from asrtrain.data.vocabulary import BLANK, Unit, Vocabulary
from asrtrain.encoders.mlp import MLPConfig
from asrtrain.heads import HeadConfig
from asrtrain.heads.cross_entropy import CrossEntropyConfig
from asrtrain.hmm.dnn_hmm import DNNHMMConfig
from asrtrain.hmm.gmm_hmm import GMMHMMConfig
from asrtrain.hmm.lf_mmi import LFMMIConfig
from asrtrain.recogniser import Recogniser
from asrtrain.types import Batch, Targets

F = 4
LENGTHS = torch.tensor([9, 7, 12])
Kind = Literal["mixtures", "hybrid", "lf_mmi"]

pytestmark = pytest.mark.parametrize(
    ("kind", "unit"), [(kind, unit) for kind in ("mixtures", "hybrid", "lf_mmi") for unit in ("label", "word")]
)


def build(kind: Kind, unit: Unit) -> Recogniser:
    torch.manual_seed(0)
    network = MLPConfig(hidden_sizes=(8,), context=1, dropout=0.0)
    config = (
        GMMHMMConfig(states=2) if kind == "mixtures" else DNNHMMConfig(align_from=Path(), states=2, acoustic=network)
    )
    objective: HeadConfig = LFMMIConfig() if kind == "lf_mmi" else CrossEntropyConfig()
    tokens = Vocabulary(("a", "b") if unit == "label" else (BLANK, "a", "b"), unit)
    encoder = config.encoder.build(F, per_frame=True)
    head = config.head(objective).build(encoder.output_size, tokens, config.encoder.top, stride=encoder.stride)
    return Recogniser(encoder, {config.name: head}, 0.01)


def speech(unit: Unit, padding: int = 0, dirt: float = 0.0) -> Batch:
    features = torch.full((len(LENGTHS), int(LENGTHS.max()) + padding, F), dirt)
    for row, length in enumerate(LENGTHS.tolist()):
        features[row, :length] = torch.randn(length, F, generator=torch.Generator().manual_seed(row))
    said = [[1], [0], [1]] if unit == "label" else [[1, 2], [2, 0], [1, 0]]
    targets = Targets(torch.tensor(said), torch.tensor([1, 1, 1] if unit == "label" else [2, 1, 1]))
    states = aligned(("x", "y", "z"), {"x": [0, 1, 2, 3] * 2, "y": [1] * 7})
    return Batch(("x", "y", "z"), features, LENGTHS, {unit: targets}, states, starts=(0.0, 1.0, 2.5))


@pytest.mark.parametrize("training", [False, True])
def test_padding_and_neighbours_change_no_loss(kind: Kind, unit: Unit, training: bool) -> None:
    model, batch = build(kind, unit).train(training), speech(unit)
    losses = model(batch)
    dirty = model(speech(unit, padding=5, dirt=1e3))
    assert losses.per_utterance.dtype == torch.float32
    assert torch.equal(losses.counted, dirty.counted)
    torch.testing.assert_close(losses.per_utterance, dirty.per_utterance, rtol=0, atol=1e-5)
    for row in range(len(LENGTHS)):
        alone = model(batch.select([row]))
        assert torch.equal(alone.counted[0], losses.counted[row])
        torch.testing.assert_close(alone.per_utterance[0], losses.per_utterance[row], rtol=0, atol=1e-5)


@pytest.mark.parametrize("training", [False, True])
def test_an_empty_batch_has_no_losses_but_all_of_the_graph(kind: Kind, unit: Unit, training: bool) -> None:
    model = build(kind, unit).train(training)
    losses = model(speech(unit).select([]))
    assert losses.per_utterance.shape == losses.counted.shape == (0,)
    if any(True for _ in model.parameters()):  # mixtures have none
        losses.per_utterance.sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert not parameter.grad.any(), name


@pytest.mark.parametrize("training", [False, True])
def test_no_loss_depends_on_another_utterance_and_each_can_be_gone_back_through_twice(
    kind: Kind, unit: Unit, training: bool
) -> None:
    model, batch = build(kind, unit).train(training), speech(unit)
    batch.features.requires_grad_()
    losses = model(batch)
    for row in range(len(LENGTHS)):
        first, second = (
            torch.autograd.grad(losses.per_utterance[row], batch.features, retain_graph=True)[0] for _ in range(2)
        )
        assert torch.equal(first, second)
        assert not first[[other for other in range(len(LENGTHS)) if other != row]].any()
        assert bool(first[row].any()) == bool(losses.counted[row])


def test_under_autocast_losses_are_float32_and_finite(kind: Kind, unit: Unit) -> None:
    model = build(kind, unit).train()
    with torch.autocast("cpu", torch.bfloat16):
        losses = model(speech(unit))
    assert losses.per_utterance.dtype == torch.float32
    torch.testing.assert_close(losses.per_utterance, model(speech(unit)).per_utterance, rtol=0.02, atol=0.02)


def test_validating_is_losses_and_decoding(kind: Kind, unit: Unit) -> None:
    model, batch = build(kind, unit).eval(), speech(unit)
    search = model.search()
    losses, hypotheses = model.validate(batch, search)
    frames = model.encode(batch)
    assert torch.equal(losses.per_utterance, model.losses(frames, batch).per_utterance)
    assert hypotheses == model.decode(frames, search) == model.recognise(batch, search)
    assert [hypothesis.id for hypothesis in hypotheses] == ["x", "y", "z"]
