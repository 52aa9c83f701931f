"""Planting faults: where they act, where not, and what of them is refused."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from spoken_networks import network, transcribing

from asrtrain.diagnosis.replay import replay
from asrtrain.errors import UsageError
from asrtrain.heads import ctc_feasible
from asrtrain.training.injection import InjectionConfig, Injector, PlantedFaults
from asrtrain.types import Batch


def fault(**settings: object) -> InjectionConfig:
    return InjectionConfig.model_validate({"step": 3, "kind": "nan", **settings})


def planted(model: torch.nn.Module, batch: Batch, **settings: object) -> PlantedFaults:
    due = Injector(model, [fault(**settings)]).due(3, [batch])
    assert due is not None
    return due


def test_a_fault_is_due_in_its_step_alone(batches):
    injector = Injector(
        network("lstm").model, [fault(where="encoder.layers.0"), fault(step=5, where="encoder.layers.0")]
    )
    assert [step for step in range(8) if injector.due(step, [batches[0]])] == [3, 5]


def test_a_word_alone_is_a_module_or_an_utterance():
    assert fault(where="encoder.layers.0").where.module == "encoder.layers.0"
    assert fault(kind="nan_feature", where="3_theo_7").where.utterance == "3_theo_7"
    assert str(fault(kind="spike", where={"module": "head", "utterance": 2, "frame": 4}, direction="backward")) == (
        "spike x10000 in head, backward, utterance 2, frame 4"
    )


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({}, r"nan needs where\.module"),
        ({"kind": "nan_feature", "where": {"module": "head"}}, "a fault in the data"),
        ({"kind": "infeasible_utterance", "direction": "backward"}, "a fault in the data"),
        ({"kind": "mischief", "where": "head"}, "kind"),
        ({"where": "head", "step": 0}, "step"),
        ({"where": {"module": "head", "frame": -1}}, "frame"),
    ],
)
def test_what_means_nothing_is_refused(settings, complaint):
    with pytest.raises(ValidationError, match=complaint):
        fault(**settings)


def test_a_module_that_is_not_there_is_refused_with_the_nearest_name():
    with pytest.raises(
        UsageError, match=r"no module encoder\.layers\.0\.forward; did you mean encoder.layers\.0\.forwards\?"
    ):
        Injector(network("lstm").model, [fault(where="encoder.layers.0.forward")])


def test_a_place_in_the_batch_becomes_a_name_and_halves_keep_it(batches):
    spoken, batch = network("mlp", dropout=0.0), batches[0]
    due = planted(spoken.model, batch, where={"module": "heads.cross_entropy.output.linear", "utterance": 5})
    assert due.names == (f"nan in heads.cross_entropy.output.linear, forward, utterance {batch.ids[5]}",)
    assert replay(spoken, batch, due).losses.isnan().nonzero().flatten().tolist() == [5]
    assert not replay(spoken, batch.select(range(4)), due).losses.isnan().any()
    assert replay(spoken, batch.select(range(4, 8)), due).losses.isnan().nonzero().flatten().tolist() == [1]


def test_a_fault_on_the_way_back_leaves_the_losses_alone(batches):
    spoken, batch = network("lstm", dropout=0.0), batches[0]
    sound = replay(spoken, batch)
    spiked = replay(
        spoken,
        batch,
        planted(spoken.model, batch, kind="spike", where="heads.cross_entropy.output", direction="backward"),
    )
    assert torch.equal(sound.losses, spiked.losses)
    for name, gradient in sound.gradients.items():
        torch.testing.assert_close(spiked.gradients[name], gradient * 1e4, rtol=1e-3, atol=1e-3)


def test_overflow_is_finite_where_it_is_planted(batches):
    spoken, batch = network("mlp", dropout=0.0), batches[0]
    with planted(spoken.model, batch, kind="overflow", where="encoder.layers.1")(batch) as given:
        scores = spoken.model.head.scorer(spoken.model.encode(given))
        assert scores.logits.isinf().any()
        hidden = spoken.model.get_submodule("encoder.layers.1")(torch.zeros(8, 32))
    assert hidden.isfinite().all()


def test_features_and_transcripts_are_spoilt_in_a_copy(batches):
    spoken, batch = network("mlp"), transcribing(batches[0])
    before = batch.features.clone(), batch.targets["char"].values.clone()
    with planted(spoken.model, batch, kind="nan_feature", where={"utterance": 2, "frame": 4})(batch) as given:
        assert given.features.isnan().any(2).nonzero().tolist() == [[2, 4]]
    with planted(spoken.model, batch, kind="infeasible_utterance", where={"utterance": 6})(batch) as given:
        feasible = ctc_feasible(given.lengths, given.targets["char"].values, given.targets["char"].lengths)
        assert feasible.tolist() == [row != 6 for row in range(8)]
    assert torch.equal(batch.features, before[0])
    assert torch.equal(batch.targets["char"].values, before[1])


def test_nothing_stays_in_the_model(batches):
    spoken, batch = network("cnn"), batches[0]
    with planted(spoken.model, batch, where="encoder.front.blocks.0.conv")(batch):
        assert spoken.model.get_submodule("encoder.front.blocks.0.conv")._forward_hooks
    assert not any(module._forward_hooks for module in spoken.model.modules())


def test_an_utterance_that_is_not_in_the_batch_is_spared(batches):
    spoken, batch = network("mlp", dropout=0.0), batches[0]
    due = planted(spoken.model, batch, where={"module": "heads.cross_entropy.output.linear", "utterance": "nobody"})
    assert replay(spoken, batch, due).losses.isfinite().all()
