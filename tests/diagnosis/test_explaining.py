"""Explanations of faults that no injector planted, and what explaining leaves behind: nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import torch
from spoken_networks import NETWORKS, OTHERS, network, trained
from torch import nn

from asrtrain.diagnosis import Case, Explanation, Network, explain
from asrtrain.diagnosis.replay import replay
from asrtrain.diagnosis.taps import listen
from asrtrain.diagnosis.window import worst_batch
from asrtrain.training.injection import InjectionConfig, Injector, nothing_planted
from asrtrain.training.trace import generator_states
from asrtrain.types import Batch, Frames


@contextmanager
def hooked(module: nn.Module, spoil: Callable[[Any], Any]) -> Iterator[None]:
    handle = module.register_forward_hook(lambda _module, _given, result: spoil(result))
    yield
    handle.remove()


def of(spoken: Network, batches: list[Batch], *, batch: Batch | None = None) -> Explanation:
    return explain(spoken, Case(batch or batches[0], 1, 1, sound=(batches[1],)))


def test_a_frame_of_the_half_that_reads_backwards_is_told_in_the_order_of_time(batches):
    spoken, batch = network("lstm"), batches[0]
    row, frame = 5, 3
    reversed_place = int(batch.lengths[row]) - 1 - frame

    def spoil(result: tuple[torch.Tensor, Any]) -> tuple[torch.Tensor, Any]:
        hidden = result[0].clone()
        if len(hidden) == 8 and hidden.shape[1] == batch.features.shape[1]:
            hidden[row, reversed_place, 7] = torch.nan
        return hidden, result[1]

    with hooked(spoken.model.get_submodule("encoder.layers.0.backwards"), spoil):
        # The other batch passes the same hook, and is as wrong: so there is none.
        found = explain(spoken, Case(batch, 1, 1))
    assert (found.producer.module, found.producer.direction) == ("encoder.layers.0.backwards", "forward")
    assert (found.utterance, found.frame.index) == (batch.ids[row], frame)


@pytest.mark.parametrize(
    ("module", "rate"), [("encoder.front.blocks.0.nonlinearity", 2), ("encoder.norm.nonlinearity", 4)]
)
def test_a_frame_behind_a_normalisation_is_found(batches, module, rate):
    spoken, batch = network("cnn"), batches[0]
    row, frame = 3, 2

    def spoil(signal: torch.Tensor) -> torch.Tensor:
        signal = signal.clone()
        if signal.shape[:3:2] == (len(batch.ids), -(-batch.features.shape[1] // rate)):
            signal[row, :, frame] *= 1e6
        return signal

    with hooked(spoken.model.get_submodule(module), spoil):
        found = of(spoken, batches)
    assert (found.producer.module, found.utterance) == (module, batch.ids[row])
    assert (found.frame.index, found.frame.first_feature_frame) == (frame, frame * rate)


def test_a_frame_of_a_convolution_is_found(batches):
    spoken, batch = network("cnn"), batches[0]

    def spoil(signal: torch.Tensor) -> torch.Tensor:
        signal = signal.clone()
        if len(signal) == 8 and signal.shape[2] == batch.features.shape[1]:
            signal[2, :, 9] *= 1e5
        return signal

    with hooked(spoken.model.get_submodule("encoder.front.blocks.0.conv"), spoil):
        found = explain(spoken, Case(batch, 1, 1))
    assert (found.producer.module, found.utterance, found.frame.index) == (
        "encoder.front.blocks.0.conv",
        batch.ids[2],
        9,
    )


def test_normalising_by_the_batch_spreads_a_fault_and_is_not_blamed(batches):
    """The gradient of one utterance is lost where the block's ends; its normalisations lose those of all others."""
    spoken, batch = network("tc_resnet"), batches[0]
    where = {"module": "encoder.blocks.0", "utterance": batch.ids[4]}
    fault = InjectionConfig.model_validate({"step": 1, "kind": "nan", "where": where, "direction": "backward"})
    found = explain(
        spoken, Case(batch, 1, 1, sound=(batches[1],), planted=Injector(spoken.model, [fault]).due(1, [batch]))
    )
    assert (found.producer.module, found.producer.direction) == ("encoder.blocks.0", "backward")
    assert found.utterance == batch.ids[4]
    assert "encoder.blocks.0.shortcut_norm" in found.propagators


@pytest.mark.parametrize(
    ("name", "parameter", "module"),
    [
        ("lstm", "encoder.layers.1.backwards.weight_hh_l0", "encoder.layers.1.backwards"),
        ("cnn", "encoder.front.blocks.1.norm.norm.weight", "encoder.front.blocks.1.norm"),
        ("rnn", "heads.cross_entropy.output.linear.bias", "heads.cross_entropy.output.linear"),
    ],
)
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_weight_that_is_no_number_is_blamed_on_its_module(batches, name, parameter, module, value):
    spoken = network(name)
    with torch.no_grad():
        spoken.model.get_parameter(parameter).view(-1)[2] = value
    found = of(spoken, batches)
    assert (found.producer.module, found.producer.direction, found.utterance) == (module, "forward", None)
    assert [(odd.name, odd.not_finite) for odd in found.parameters] == [(parameter, 1)]
    assert "rollback" in found.suggestion


def test_a_weight_out_of_proportion_is_found_although_every_batch_suffers_it(batches):
    spoken = trained("rnn", batches)
    with torch.no_grad():
        spoken.model.get_parameter("encoder.layers.0.forwards.weight_ih_l0")[3, 4] = 1e5
    found = of(spoken, batches)
    assert found.producer.module == "encoder.layers.0.forwards"
    assert "weight_ih_l0" in found.verdict


def test_a_recurrence_that_explodes_by_itself_is_found_with_its_growth(batches):
    spoken = network("rnn", bidirectional=False, nonlinearity="relu", recurrent_init_gain=1.6, hidden_size=64)
    found = of(spoken, batches)
    (facts,) = found.recurrences
    assert (found.producer.module, found.producer.direction) == ("encoder.layers.0.forwards", "backward")
    assert facts.growth > 1.05
    assert facts.rise > 100
    assert facts.spectral["state"] == pytest.approx(1.6, rel=1e-4)
    assert found.frame.index == facts.onset
    assert "recurrent_init_gain" in found.suggestion


def test_a_state_that_explodes_is_blamed_on_the_way_forward(batches):
    spoken = network("rnn", bidirectional=False, nonlinearity="relu", recurrent_init_gain=2.5, hidden_size=64)
    found = of(spoken, batches)
    assert (found.producer.module, found.producer.direction) == ("encoder.layers.0.forwards", "forward")


def test_loud_features_are_found(batches):
    batch = batches[0]
    features = batch.features.clone()
    features[6] *= 1e4
    found = of(network("mlp"), batches, batch=replace(batch, features=features))
    assert (found.producer.module, found.utterance) == ("features", batch.ids[6])


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_the_recurrence_recomputed_frame_by_frame_is_the_one_that_was(batches, name):
    spoken = network(name, **({} if name == "gru" else {"bidirectional": False, "num_layers": 1}), dropout=0.0)
    batch = batches[0].select([4])
    (facts,) = explain(spoken, Case(batch, 1, 1)).recurrences
    assert facts.difference < 1e-5
    cell = spoken.model.get_submodule("encoder.layers.0.forwards")
    frames = batch.features.shape[1]
    pushes = torch.zeros(frames, 24, requires_grad=True)
    # h_t moved by a push at every frame: the gradient by the push is the whole ∂L/∂h_t.
    outputs, memory = [], None
    for frame in range(frames):
        result, memory = cell(batch.features[:, frame : frame + 1], memory)
        result = result + pushes[frame]
        memory = (result, memory[1]) if isinstance(memory, tuple) else result
        outputs.append(result)
    encoded = Frames(batch.ids, torch.cat(outputs, 1), batch.lengths, batch.lengths)
    spoken.model.losses(encoded, batch).per_utterance.sum().backward()
    torch.testing.assert_close(torch.tensor(facts.gradients), pushes.grad.norm(dim=1), rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("name", [*NETWORKS, *OTHERS])
def test_listening_changes_nothing_that_is_computed(batches, name):
    spoken = network(name)
    spoken.model.train()
    generators = generator_states(torch.device("cpu"))
    plain = replay(spoken, batches[0])
    again = network(name)
    torch.set_rng_state(generators["cpu"])
    _, heard = listen(again, batches[0])
    torch.testing.assert_close(heard.losses, plain.losses, rtol=0, atol=0)
    for parameter, gradient in plain.gradients.items():
        torch.testing.assert_close(heard.gradients[parameter], gradient, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("name", [*NETWORKS, *OTHERS])
@pytest.mark.parametrize("training", [True, False])
def test_explaining_leaves_no_trace(batches, name, training):
    spoken, batch = network(name), batches[0]
    model = spoken.model.train(training)
    spoken.losses(batch).per_utterance.sum().backward()
    before = snapshot(model)
    module = next(name for name, module in model.named_modules() if name and not list(module.children()))
    fault = InjectionConfig.model_validate({"step": 1, "kind": "nan", "where": module})
    explain(spoken, Case(batch, 1, 1, sound=(batches[1],), planted=Injector(model, [fault]).due(1, [batch])))
    after = snapshot(model)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)
    for part in model.modules():
        assert part.training is training
        hooks = (part._forward_hooks, part._forward_pre_hooks, part._backward_hooks, part._backward_pre_hooks)
        assert not any(hooks)
    assert not any(parameter._backward_hooks for parameter in model.parameters())


def snapshot(model: nn.Module) -> dict[str, torch.Tensor]:
    """Weights, buffers, gradients and generators, as bits."""
    found = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
    found |= {f"gradient of {name}": p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    return {**found, "generator": torch.get_rng_state()}


def test_two_replays_that_differ_are_told_of(batches):
    spoken = network("rnn")
    noise = iter(range(1, 1000))
    with hooked(
        spoken.model.get_submodule("heads.cross_entropy.output.linear"),
        lambda logits: logits * (1 + 1e-3 * next(noise)),
    ):
        found = of(spoken, batches)
    assert not found.repeats
    assert "two replays differ" in found.verdict


def test_the_worst_batch_of_a_window_is_replayed_with_its_own_random_numbers(batches):
    spoken = network("lstm", dropout=0.5)
    spoken.model.train()
    torch.manual_seed(11)
    start = generator_states(torch.device("cpu"))
    norms = [replay(spoken, batch).norm for batch in batches[:3]]
    batch, generators = worst_batch(spoken, batches[:3], start, nothing_planted)
    place = norms.index(max(norms))
    assert batch is batches[place]
    assert explain(spoken, Case(batch, 1, 1, generators=generators)).norm == norms[place]


def test_text_and_json_tell_all(batches):
    found = of(network("lstm"), batches)
    text, plain = found.to_text(), found.to_json()
    json.dumps(plain, allow_nan=False)
    assert found.verdict in text
    assert all(facts.id in text for facts in found.utterances)
    assert "encoder.layers.1.backwards (LSTM, reading backwards)" in text
    assert plain["utterances"][0]["features"]["not_finite"] == 0
    assert len(plain["recurrences"][0]["gradients"]) == next(
        facts.frames for facts in found.utterances if facts.norm == max(f.norm for f in found.utterances)
    )


def test_a_batch_of_one_is_explained(batches):
    alone = batches[0].select([0])
    features = alone.features.clone()
    features[0, 2, 1] = torch.nan
    found = explain(network("cnn_rnn"), Case(replace(alone, features=features), 1, 1))
    assert (found.producer.module, found.utterance, found.frame.index) == ("features", alone.ids[0], 2)


@pytest.mark.parametrize("precision", ["bf16"])
def test_half_precision_is_explained(batches, precision):
    spoken = replace(network("mlp"), precision=precision)
    fault = InjectionConfig.model_validate({"step": 1, "kind": "overflow", "where": "encoder.layers.0.linear"})
    planted = Injector(spoken.model, [fault]).due(1, [batches[0]])
    found = explain(spoken, Case(batches[0], 1, 1, sound=(batches[1],), planted=planted))
    assert found.producer.module == "encoder.layers.0.linear"
