"""Which gradients share a norm."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from clipping_cases import attached, clip, parameters, same

from asrtrain.clipping import build_clipper, layer_of
from asrtrain.clipping.measure import measure
from asrtrain.clipping.parts.scopes import split_by
from asrtrain.errors import UsageError


def recurrent(module: torch.nn.Module) -> list[tuple[str, torch.nn.Parameter]]:
    """The parameters of a recurrent module, with gradients."""
    for parameter in module.parameters():
        parameter.grad = torch.randn(parameter.shape)
    return [(f"rnn.{name}", parameter) for name, parameter in module.named_parameters()]


def test_layers_of_torch_recurrent_modules_are_told_apart() -> None:
    assert layer_of("rnn.weight_hh_l1_reverse") == "rnn.l1_reverse"
    assert layer_of("rnn.bias_ih_l0") == "rnn.l0"
    assert layer_of("head.weight") == "head"
    named = recurrent(torch.nn.LSTM(3, 2, num_layers=2, bidirectional=True))
    blocks = split_by("layer")(measure(named))
    assert [block.name for block in blocks] == ["rnn.l0", "rnn.l0_reverse", "rnn.l1", "rnn.l1_reverse"]


@pytest.mark.parametrize(
    ("module", "gates"),
    [
        (torch.nn.LSTM(3, 2), ["input", "forget", "cell", "output"]),
        (torch.nn.GRU(3, 2), ["reset", "update", "new"]),
        (torch.nn.LSTM(3, 4, proj_size=2), ["projection", "input", "forget", "cell", "output"]),
    ],
    ids=["lstm", "gru", "projected lstm"],
)
def test_gates_are_the_rows_that_torch_gives_them(module: torch.nn.Module, gates: list[str]) -> None:
    named = recurrent(module)
    blocks = split_by("gate")(measure(named))
    assert [block.name for block in blocks] == [f"rnn.l0.{gate}" for gate in gates]
    assert sum(block.size for block in blocks) == sum(p.numel() for _, p in named)
    hidden, rows = dict(named)["rnn.weight_hh_l0"].grad, blocks[-1].tensors[1]
    assert torch.equal(hidden.chunk(len(gates) - ("projection" in gates))[-1], rows)
    assert rows.data_ptr() != hidden.data_ptr()


def test_a_plain_recurrent_layer_has_no_gates() -> None:
    (block,) = split_by("gate")(measure(recurrent(torch.nn.RNN(3, 2))))
    assert block.name == "rnn.l0"


def test_one_gate_is_clipped_and_the_others_are_not() -> None:
    module = torch.nn.LSTM(3, 2)
    named = recurrent(module)
    for _, parameter in named:
        parameter.grad.chunk(4)[1].mul_(1e6)
    before = {name: parameter.grad.clone() for name, parameter in named}
    build_clipper({"name": "norm", "threshold": 100.0, "scope": "gate"})(named)
    for name, parameter in named:
        for gate in (0, 2, 3):
            assert torch.equal(parameter.grad.chunk(4)[gate], before[name].chunk(4)[gate])
    forget = torch.cat([parameter.grad.chunk(4)[1].flatten() for _, parameter in named])
    assert float(forget.double().norm()) == pytest.approx(100, rel=1e-6)


def test_units_are_rows_and_output_channels_and_whole_biases() -> None:
    shapes = {"linear": (3, 4), "conv": (2, 3, 5), "bias": (6,)}
    named = parameters(shapes=shapes)
    norms = [block.norm() for block in split_by("unit")(measure(named.items()))]
    assert [tuple(n.shape) for n in norms] == [(3, 1), (2, 1, 1), ()]
    clip({"name": "norm", "threshold": 0.25, "scope": "unit"}, named)
    for name in ("linear", "conv"):
        rows = named[name].grad.double().flatten(1).norm(dim=1)
        torch.testing.assert_close(rows, torch.full_like(rows, 0.25), rtol=1e-6, atol=0)
    assert float(named["bias"].grad.norm()) == pytest.approx(0.25, rel=1e-6)


def test_norm_clipping_by_element_is_value_clipping() -> None:
    one, other = parameters(dtype=torch.float64), parameters(dtype=torch.float64)
    clip({"name": "norm", "threshold": 0.5, "scope": "element"}, one)
    clip({"name": "value", "threshold": 0.5}, other)
    for left, right in zip(one.values(), other.values(), strict=True):
        torch.testing.assert_close(left.grad, right.grad, rtol=1e-15, atol=0)


@pytest.mark.parametrize("scope", ["layer", "tensor", "unit", "gate"])
def test_what_one_layer_has_changes_no_other(scope: str) -> None:
    calm, wild = parameters(), parameters()
    wild["a.weight"].grad.mul_(1e6)
    for named in (calm, wild):
        clip({"name": "norm", "threshold": 0.5, "scope": scope}, named)
    assert all(torch.equal(calm[name].grad, wild[name].grad) for name in calm if not name.startswith("a."))


def test_every_group_has_its_own_threshold() -> None:
    named = parameters()
    groups = {r"^a\.": 0.25, r"^b\.": 0.5, "^rnn": {"name": "random", "low": 1.0, "high": 1.0}}
    clip({"name": "norm_by_group", "groups": groups}, named)
    for start, threshold in (("a.", 0.25), ("b.", 0.5), ("rnn.", 1.0)):
        group = torch.cat([p.grad.flatten() for name, p in named.items() if name.startswith(start)])
        assert float(group.double().norm()) == pytest.approx(threshold, rel=1e-6)


@pytest.mark.parametrize(
    ("groups", "sentence"),
    [
        ({r"^a\.": 1.0}, "no group covers the parameter b.weight"),
        ({r"^a\.": 1.0, "weight": 1.0}, "'weight' both cover the parameter a.weight"),
    ],
)
def test_parameters_in_no_group_or_in_two_are_named(groups: dict, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        clip({"name": "norm_by_group", "groups": groups}, parameters())


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="no regular expression"):
        build_clipper({"name": "norm_by_group", "groups": {"(": 1.0}})
    with pytest.raises(UsageError, match="no regular expression"):
        build_clipper({"name": "agc", "exclude": ["["]})


@pytest.mark.parametrize(
    "rule", ["ema", {"name": "dynamic", "threshold": {"quantile": 0.5, "window": 4, "warmup": 1}}, "adagc"]
)
def test_what_layers_have_learned_is_found_again_in_a_model_without_modules(rule: Any) -> None:
    settings = {"name": rule} if isinstance(rule, str) else rule
    scope = {} if rule == "adagc" else {"scope": "layer"}
    shapes = {"weight": (3, 4), "bias": (3,), "b.weight": (2, 2)}
    one, other = (attached({**settings, **scope}) for _ in range(2))
    for step in range(4):
        one(parameters(1.0, step, shapes=shapes).items())
    other.load_state_dict(one.state_dict())
    left, right = parameters(9.0, 9, shapes=shapes), parameters(9.0, 9, shapes=shapes)
    one(left.items())
    other(right.items())
    assert same(left, right)
    assert set(one.state_dict()["state"]) == set(other.state_dict()["state"])
