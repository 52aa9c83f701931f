"""Rules that act while gradients are computed: on utterances, and inside the recurrence."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from asrtrain.clipping import Clipper, build_clipper
from asrtrain.clipping.parts.inside import passing
from asrtrain.clipping.parts.pieces import InPieces, Link, link
from asrtrain.errors import UsageError

CELLS = pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU, nn.RNN])
BATCH, FRAMES, FEATURES, HIDDEN = 4, 33, 3, 5
IN_PIECES: list[dict[str, Any]] = [
    {"name": "recurrent_clip", "every": 1},
    {"name": "recurrent_clip"},
    {"name": "recurrent_zero", "every": 7},
    {"name": "truncate", "of": "bptt", "frames": 10},
]


class Linear(nn.Module):
    """Its loss in a direction is its weights' product with it, whose gradient is the direction."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(3))

    def forward(self, directions: torch.Tensor) -> torch.Tensor:
        return directions @ self.weights


OPTAX = torch.tensor([[0.0, 0, 0], [0, 3, 4], [4, 0, 3], [3, 4, 0]])
"""The gradients of four examples, from the documentation of optax."""


def recurrent(cell: type[nn.RNNBase] = nn.LSTM, **options: Any) -> nn.RNNBase:
    torch.manual_seed(0)
    return cell(FEATURES, HIDDEN, **{"num_layers": 2, "batch_first": True, **options})


def frames(batch: int = BATCH, time: int = FRAMES, seed: int = 1) -> torch.Tensor:
    return torch.randn(batch, time, FEATURES, generator=torch.Generator().manual_seed(seed))


def losses_of(model: nn.Module, x: torch.Tensor, factors: torch.Tensor | float = 1.0) -> torch.Tensor:
    return factors * model(x)[0].square().sum(dim=(1, 2))


def gradient(model: nn.Module) -> torch.Tensor:
    return torch.cat([parameter.grad.flatten() for parameter in model.parameters()])


def plain_gradient(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    model.zero_grad()
    losses_of(model, x).sum().backward()
    return gradient(model)


def clipped_gradient(rule: object, model: nn.Module, x: torch.Tensor, **options: Any) -> tuple[torch.Tensor, Clipper]:
    model.zero_grad()
    clip = build_clipper(rule)
    clip.attach(model)
    clip.backward(losses_of(model, x), **options)
    clip.detach()
    return gradient(model), clip


def spy(model: nn.Module, rule: object, x: torch.Tensor, sees: str) -> list[torch.Tensor]:
    """The gradients at every link of the state, from the last frame to the first, ``before`` or ``after`` a rule."""
    seen: list[torch.Tensor] = []
    clip = build_clipper(rule)

    def look(gradient: torch.Tensor) -> torch.Tensor:
        seen.append(gradient.clone())
        return gradient

    watch = Link(1, lambda state: passing(state, look))
    if sees == "after":  # backwards, what comes later in the forward pass comes first
        link(model, "spy", watch)
    clip.attach(model)
    if sees == "before":
        link(model, "spy", watch)
    losses_of(model, x).sum().backward()
    return seen


@pytest.mark.parametrize(("weight", "scale"), [(1 / 41, 1.0), (1 / 32, 65536.0), (0.3, 0.25)])
def test_losses_weigh_what_a_product_would_make_them_to_the_bit(weight: float, scale: float) -> None:
    torch.manual_seed(0)
    model, x = nn.RNN(3, 4, batch_first=True), torch.randn(41, 5, 3)
    (losses_of(model, x).sum() * weight * scale).backward()
    expected = gradient(model)
    for kind in (weight, torch.tensor(weight)):
        weighed, _ = clipped_gradient("none", model, x, weight=kind, loss_scale=scale)
        assert torch.equal(weighed, expected)


def test_utterances_are_clipped_as_in_the_documentation_of_optax() -> None:
    model, clip = Linear(), build_clipper({"name": "per_utterance", "threshold": 1.25})
    clip.attach(model)
    clip.backward(model(OPTAX))
    assert model.weights.grad.tolist() == pytest.approx([1.75] * 3)
    report = clip(model.named_parameters())
    assert float(report.clipped_share) == 0.75
    assert float(report.threshold) == 1.25
    assert not bool(clip(model.named_parameters()).clipped)  # counted since the last step


@pytest.mark.parametrize(
    "rule",
    [
        {"name": "per_utterance", "threshold": 0.5},
        {"name": "recurrent_clip", "threshold": 0.1, "every": 3},
        {"name": "recurrent_zero", "threshold": 0.1, "every": 3},
        {"name": "utterance_filter"},
    ],
    ids=str,
)
def test_weight_and_loss_scale_change_nothing_but_the_scale(rule: object) -> None:
    one, _ = clipped_gradient(rule, recurrent(), frames())
    other, _ = clipped_gradient(rule, recurrent(), frames(), weight=0.125, loss_scale=2.0**12)
    assert torch.equal(one * 2.0**9, other)
    other, _ = clipped_gradient(rule, recurrent(), frames(), weight=torch.tensor(0.125))
    assert torch.equal(one / 8, other)


def test_one_utterance_is_clipped_as_its_whole_gradient() -> None:
    x = frames(1)
    one, _ = clipped_gradient({"name": "per_utterance", "threshold": 0.5}, recurrent(), x)
    model = recurrent()
    plain_gradient(model, x)
    build_clipper({"name": "norm", "threshold": 0.5})(model.parameters())
    torch.testing.assert_close(one, gradient(model), rtol=1e-6, atol=1e-8)


def test_gradients_of_utterances_join_what_was_accumulated() -> None:
    rule, x = {"name": "per_utterance", "threshold": 0.5}, frames(5)
    whole, _ = clipped_gradient(rule, recurrent(), x)
    model, clip = recurrent(), build_clipper(rule)
    clip.attach(model)
    for part in (x[:2], x[2:3], x[3:]):
        clip.backward(losses_of(model, part))
    torch.testing.assert_close(gradient(model), whole, rtol=1e-5, atol=1e-7)


def test_an_utterance_has_bounded_influence() -> None:
    x, threshold = frames(), 0.5
    rule = {"name": "per_utterance", "threshold": threshold}
    before, _ = clipped_gradient(rule, recurrent(), x)
    x[2] *= -1000.0
    after, _ = clipped_gradient(rule, recurrent(), x)
    assert 0.1 < float((after - before).norm()) <= 2 * threshold * (1 + 1e-6)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_an_utterance_whose_gradient_is_not_finite_is_not_hidden(bad: float) -> None:
    model, clip = Linear(), build_clipper({"name": "per_utterance", "threshold": 1.25})
    clip.attach(model)
    spoilt = OPTAX.clone()
    spoilt[1, 2] = bad
    clip.backward(model(spoilt))
    assert not bool(torch.isfinite(clip(model.named_parameters()).norm_before))


def test_huge_utterances_are_clipped_and_not_zeroed() -> None:
    model, clip = Linear(), build_clipper({"name": "per_utterance", "threshold": 1.0})
    clip.attach(model)
    clip.backward(model(torch.tensor([[3e25, 4e25, 0.0]])))
    assert model.weights.grad.tolist() == pytest.approx([0.6, 0.8, 0.0])


def test_privacy_noise_has_its_deviation_and_follows_seed_and_step() -> None:
    rule = {"name": "per_utterance", "threshold": 2.0, "sigma": 0.5, "lot": 10}

    def noise(seed: int, steps: int) -> torch.Tensor:
        model, clip = nn.Linear(100, 100), build_clipper(rule, seed=seed)
        clip.attach(model)
        for _ in range(steps):
            model.weight.grad = torch.zeros(100, 100)
            clip([("weight", model.weight)])
        return model.weight.grad

    assert float(noise(0, 1).std()) == pytest.approx(0.1, rel=0.03)
    assert torch.equal(noise(0, 2), noise(0, 2))
    assert not torch.equal(noise(0, 2), noise(0, 1))
    assert not torch.equal(noise(0, 2), noise(1, 2))


def test_utterances_need_the_model_and_one_rule_alone() -> None:
    clip = build_clipper({"name": "per_utterance", "threshold": 1.0})
    with pytest.raises(UsageError, match=r"call clip.attach\(model\)"):
        clip.backward(Linear()(OPTAX))
    with pytest.raises(UsageError, match="two rules limit the gradient of every utterance"):
        build_clipper(
            [{"name": "per_utterance", "threshold": 1.0}, {"name": "norm", "threshold": 1.0, "scope": "utterance"}]
        )
    with pytest.raises(UsageError, match="sigma wants a lot"):
        build_clipper({"name": "per_utterance", "threshold": 1.0, "sigma": 1.0})


def test_an_utterance_that_sticks_out_is_weakened() -> None:
    model, factors = recurrent(num_layers=1), torch.ones(9)
    factors[3] = 1000.0

    def with_rule(rule: object, factors: torch.Tensor) -> tuple[torch.Tensor, float]:
        clip = build_clipper(rule)
        model.zero_grad()
        clip.attach(model)
        clip.backward(losses_of(model, frames(9), factors))
        found, share = gradient(model), float(clip(model.parameters()).clipped_share)
        clip.detach()
        return found, share

    alike, _ = with_rule("none", torch.ones(9))
    raw, _ = with_rule("none", factors)
    filtered, share = with_rule("utterance_filter", factors)
    assert float((raw - alike).norm() / alike.norm()) > 50
    assert float((filtered - alike).norm() / alike.norm()) < 5
    assert share == pytest.approx(1 / 9)  # x needs no gradient: the filter is at the output alone


def test_equal_utterances_are_weakened_alike() -> None:
    x = frames(1).expand(BATCH, -1, -1).clone().requires_grad_()
    model = recurrent(num_layers=1)
    raw = plain_gradient(model, x)
    at_input, x.grad = x.grad, None
    filtered, clip = clipped_gradient({"name": "utterance_filter", "threshold": 4.0}, model, x)
    torch.testing.assert_close(filtered, 0.8 * raw, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(x.grad, 0.64 * at_input, rtol=1e-5, atol=1e-6)
    assert not bool(clip_report(clip, model).clipped)


def clip_report(clip: Clipper, model: nn.Module) -> Any:
    clip.attach(model)
    report = clip(model.parameters())
    clip.detach()
    return report


@pytest.mark.parametrize("time_first", [False, True])
def test_the_filter_multiplies_by_its_formula(time_first: bool) -> None:
    model = recurrent(num_layers=1, batch_first=not time_first)
    x = frames().transpose(0, 1) if time_first else frames()
    at_output = torch.randn(BATCH, FRAMES, HIDDEN, generator=torch.Generator().manual_seed(3))
    at_output *= torch.tensor([0.1, 1.0, 5.0, 100.0]).view(-1, 1, 1)
    at_output[1, 20:] = 0  # padding
    seen: list[torch.Tensor] = []

    def see(gradient: torch.Tensor) -> torch.Tensor:
        seen.append(gradient)
        return gradient

    clip = build_clipper({"name": "utterance_filter", "threshold": 2.0})
    model.register_forward_hook(lambda module, given, answer: (passing(answer[0], see), answer[1]))
    clip.attach(model)
    model(x)[0].backward(at_output.transpose(0, 1) if time_first else at_output)
    strength = torch.tensor([at_output[b, : 20 if b == 1 else None].square().mean().sqrt() for b in range(BATCH)])
    kappa = 2.0 * strength.sort().values[1]
    expected = at_output * (kappa / (kappa + strength)).view(-1, 1, 1)
    torch.testing.assert_close(seen[0].transpose(0, 1) if time_first else seen[0], expected)


def test_an_utterance_with_a_spoilt_gradient_is_taken_out_alone() -> None:
    def filtered(spoil: Callable[[torch.Tensor], None]) -> tuple[torch.Tensor, float]:
        model, clip = recurrent(), build_clipper("utterance_filter")
        clip.attach(model)

        def change(gradient: torch.Tensor) -> torch.Tensor:
            changed = gradient.clone()
            spoil(changed[1])
            return changed

        passing(model(frames())[0], change).square().sum().backward()
        return gradient(model), float(clip(model.parameters()).clipped_share)

    absent, nobody = filtered(torch.Tensor.zero_)
    for bad in (float("nan"), float("inf")):
        spoilt, share = filtered(lambda row, bad=bad: row[3].fill_(bad))
        assert torch.equal(spoilt, absent)
        assert (nobody, share) == (0.0, 0.25)


def test_nobody_is_taken_out_where_everybody_is_spoilt() -> None:
    model, clip = recurrent(), build_clipper("utterance_filter")
    clip.attach(model)
    (losses_of(model, frames()) * torch.nan).sum().backward()
    assert bool(gradient(model).isnan().all())
    assert not bool(clip(model.parameters()).clipped)


def test_the_filter_leaves_an_utterance_by_itself_alone() -> None:
    filtered, _ = clipped_gradient("utterance_filter", recurrent(), frames(1))
    assert torch.equal(filtered, plain_gradient(recurrent(), frames(1)))
    one_of_four = frames()
    factors = torch.tensor([0.0, 1.0, 0.0, 0.0])
    model, clip = recurrent(), build_clipper("utterance_filter")
    clip.attach(model)
    clip.backward(losses_of(model, one_of_four, factors))
    left = gradient(model)
    clip.detach()
    model.zero_grad()
    losses_of(model, one_of_four, factors).sum().backward()
    assert torch.equal(left, gradient(model))


def test_padding_does_not_change_what_the_filter_does() -> None:
    def filtered(padding: int) -> torch.Tensor:
        model, clip = recurrent(), build_clipper({"name": "utterance_filter", "threshold": 1.0})
        clip.attach(model)
        x = torch.cat([frames(), torch.zeros(BATCH, padding, FEATURES)], dim=1)
        (model(x)[0][:, :FRAMES].square() * torch.arange(1.0, 5).view(-1, 1, 1)).sum().backward()
        return gradient(model)

    torch.testing.assert_close(filtered(17), filtered(0), rtol=1e-6, atol=1e-7)


ROUNDED = 2e-6
"""Some processors' matrix products of few rows are rounded otherwise than those of many: it shows in RNNs and GRUs."""


@CELLS
@pytest.mark.parametrize("rule", IN_PIECES, ids=str)
@pytest.mark.parametrize("time_first", [False, True])
def test_values_stay_the_same(cell: type[nn.RNNBase], rule: dict, time_first: bool) -> None:
    model, x = recurrent(cell, batch_first=not time_first), frames()
    x = x.transpose(0, 1) if time_first else x
    alone = x[:, 0] if time_first else x[0]  # an utterance without a batch
    rounded = 0.0 if cell is nn.LSTM else ROUNDED
    (output, state), by_itself = model(x), model(alone)[0]
    with torch.no_grad():
        validated = model(x)[0]
    clip = build_clipper(rule)
    clip.attach(model)
    assert isinstance(model.forward, InPieces)
    for again in (model(x), model(x, None)):
        torch.testing.assert_close(again[0], output, rtol=0, atol=rounded)
        assert again[0].stride() == output.stride()  # else dropout would drop others
        torch.testing.assert_close(again[1], state, rtol=0, atol=rounded)
    with torch.no_grad():
        torch.testing.assert_close(model(x)[0], validated, rtol=0, atol=rounded)
    torch.testing.assert_close(model(alone)[0], by_itself, rtol=0, atol=ROUNDED)
    clip.detach()
    assert "forward" not in vars(model)


@CELLS
@pytest.mark.parametrize("name", ["recurrent_clip", "recurrent_zero"])
@pytest.mark.parametrize("every", [1, 4, 20, 100])
def test_below_the_threshold_gradients_are_autograds(cell: type[nn.RNNBase], name: str, every: int) -> None:
    found, clip = clipped_gradient({"name": name, "threshold": 1e9, "every": every}, recurrent(cell), frames())
    torch.testing.assert_close(found, plain_gradient(recurrent(cell), frames()), rtol=1e-6, atol=2e-6)
    assert not bool(clip_report(clip, recurrent(cell)).clipped)


@pytest.mark.parametrize("rule", [IN_PIECES[0], IN_PIECES[2]], ids=str)
def test_gradients_are_those_of_finite_differences_where_the_rule_rests(rule: dict) -> None:
    model = recurrent(num_layers=1).double()
    build_clipper(rule | {"every": 2}).attach(model)
    x = frames(2, 5).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: model(x)[0], (x,))


@CELLS
def test_no_gradient_in_the_recurrence_is_longer_than_the_threshold(cell: type[nn.RNNBase]) -> None:
    rule = {"name": "recurrent_clip", "threshold": 0.05, "every": 1}
    raw = spy(recurrent(cell), {**rule, "threshold": 1e9}, frames(), "after")
    after = spy(recurrent(cell), rule, frames(), "after")
    assert len(after) == (FRAMES - 1) * (2 if cell is nn.LSTM else 1)
    assert max(float(g.norm(dim=-1).max()) for g in raw) > 0.1
    assert max(float(g.norm(dim=-1).max()) for g in after) <= 0.05 * (1 + 1e-6)
    before = spy(recurrent(cell), rule, frames(), "before")
    for b, a in zip(before, after, strict=True):
        expected = b * (0.05 / b.norm(dim=-1, keepdim=True)).clamp(max=1.0)
        torch.testing.assert_close(a, expected, rtol=1e-6, atol=1e-9)


def test_rows_are_zeroed_at_multiples_of_the_interval_and_above_the_threshold_alone() -> None:
    rule = {"name": "recurrent_zero", "threshold": 0.5, "every": 5}
    before, after = (spy(recurrent(nn.GRU), rule, frames(), sees) for sees in ("before", "after"))
    zeroed = kept = 0
    for frame, b, a in zip(range(FRAMES - 1, 0, -1), before, after, strict=True):
        above = b.norm(dim=-1) > 0.5
        if frame % 5 or not above.any():
            assert torch.equal(a, b)
        assert torch.equal(a[~above], b[~above])
        zeroed += int((a == 0).all(dim=-1).sum())
        kept += int(above.sum()) if frame % 5 else 0
    assert zeroed
    assert kept


def test_an_infinite_gradient_in_the_recurrence_is_not_hidden() -> None:
    for name in ("recurrent_clip", "recurrent_zero"):
        model, clip = recurrent(nn.RNN, nonlinearity="relu", num_layers=1), build_clipper({"name": name, "every": 2})
        clip.attach(model)
        (model(frames())[0][:, -1].sum() * 3e38 * 10).backward()
        assert not bool(torch.isfinite(clip(model.parameters()).norm_before))


def test_rules_in_one_layer_go_as_they_came() -> None:
    model, first, second = recurrent(), build_clipper("recurrent_clip"), build_clipper("recurrent_zero")
    for clip in (first, second, first):
        clip.attach(model)
    assert len(model.forward.links) == 2
    first.detach()
    assert len(model.forward.links) == 1
    second.detach()
    second.detach()
    assert "forward" not in vars(model)
    both = build_clipper(
        [{"name": "recurrent_clip", "threshold": 0.1, "every": 2}, {"name": "recurrent_zero", "every": 3}]
    )
    both.attach(model)
    losses_of(model, frames()).sum().backward()
    assert 0 < float(both(model.parameters()).clipped_share) < 1


@pytest.mark.parametrize("rule", ["recurrent_clip", "utterance_filter"])
def test_a_copy_of_the_model_does_not_run_the_original(rule: str) -> None:
    model, clip = recurrent(), build_clipper({"name": rule, "threshold": 1e-3})
    clip.attach(model)
    twin = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.mul_(2)
    assert not torch.equal(twin(frames())[0], model(frames())[0])
    losses_of(twin, frames()).sum().backward()
    assert all(parameter.grad is None for parameter in model.parameters())
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    assert not bool(clip(model.parameters()).clipped)  # what the twin clipped is not told of the original


@pytest.mark.parametrize("rule", [*IN_PIECES, "utterance_filter"], ids=str)
def test_models_that_do_not_fit_are_refused(rule: object) -> None:
    clip = build_clipper(rule)
    with pytest.raises(UsageError, match=r"acts in recurrent layers, and the model has none"):
        clip.attach(nn.Linear(3, 3))
    if rule != "utterance_filter":
        with pytest.raises(UsageError, match=r"bidirectional torch module; write it as two one-way modules"):
            clip.attach(recurrent(bidirectional=True))
    model = recurrent()
    clip.attach(model)
    with pytest.raises(UsageError, match="packed sequence"):
        model(nn.utils.rnn.pack_sequence([frames()[0]]))


@CELLS
def test_truncation_as_long_as_the_utterance_changes_nothing(cell: type[nn.RNNBase]) -> None:
    rule = {"name": "truncation", "of": "bptt", "frames": FRAMES}
    found, clip = clipped_gradient(rule, recurrent(cell), frames())
    assert torch.equal(found, plain_gradient(recurrent(cell), frames()))
    assert not bool(clip_report(clip, recurrent(cell)).clipped)


def test_truncated_gradients_stay_in_their_piece_and_are_right_there() -> None:
    model, x = recurrent(), frames().requires_grad_()
    clip = build_clipper({"name": "truncate", "of": "bptt", "frames": 10})
    clip.attach(model)
    output, _ = model(x)
    (reached,) = torch.autograd.grad(output[:, 24].sum(), x, retain_graph=True)
    assert [bool((reached[:, t] != 0).any()) for t in range(FRAMES)] == [20 <= t <= 24 for t in range(FRAMES)]
    output.sum().backward()
    clip(model.parameters())
    clip.detach()
    x.grad = None
    (in_full,) = torch.autograd.grad(model(x)[0][:, 24].sum(), x)
    torch.testing.assert_close(reached[:, 20:25], in_full[:, 20:25])


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "of"),
        ({"of": "large"}, "of"),
        ({"of": "small"}, "of: small wants a threshold"),
        ({"of": "small", "threshold": -1.0}, "threshold"),
        ({"of": "small", "threshold": 1.0, "keep": 0.5}, "keep belongs to of: topk, found of: small, whose key is thr"),
        ({"of": "topk", "threshold": 1.0}, "threshold belongs to of: small, found of: topk, whose key is keep"),
        ({"of": "bptt", "keep": 0.5}, "keep belongs to of: topk, found of: bptt, whose key is frames"),
        ({"of": "bptt", "frames": 0}, "frames"),
    ],
)
def test_truncation_says_of_what_and_has_its_own_key_alone(settings: dict, sentence: str) -> None:
    for name in ("truncate", "truncation"):
        with pytest.raises(UsageError, match=sentence) as caught:
            build_clipper({"name": name, **settings})
        assert len(str(caught.value).splitlines()) == 1


def test_scopes_of_norm_are_the_rules_that_they_say() -> None:
    for scope, rule in (("utterance", "per_utterance"), ("frame", "recurrent_clip")):
        as_scope, _ = clipped_gradient({"name": "norm", "scope": scope, "threshold": 0.05}, recurrent(), frames())
        as_rule, _ = clipped_gradient({"name": rule, "threshold": 0.05}, recurrent(), frames())
        assert torch.equal(as_scope, as_rule)
        assert not torch.equal(as_scope, plain_gradient(recurrent(), frames()))
        for wrong in ({"threshold": {"name": "dynamic"}}, {"threshold": 1.0, "p": 1.0}):
            with pytest.raises(UsageError, match=f"scope: {scope} knows the 2-norm and a fixed threshold alone"):
                build_clipper({"name": "norm", "scope": scope, **wrong})
