"""Every model of the table, exported: for any batch and time, with the scores that it gives here."""

from __future__ import annotations

import io
import warnings

import pytest
import torch
from tests.recognisers import recogniser
from torch import nn

from asrtrain.encoders import ENCODERS
from asrtrain.encoders.activations import ACTIVATIONS
from asrtrain.recogniser import Recogniser
from asrtrain.types import Batch, Scores

F, V = 12, 7
SMALLER: dict[str, dict[str, object]] = {
    "cnn": {"channels": [4, 8], "halve_time": 1},
    "resnet": {"channels": [4, 8], "strides": [1, 2]},
    "tc_resnet": {"channels": [4, 8], "strides": [2]},
}
"""Networks of the same parts, fewer of them, as ``torch.export`` takes seconds for the defaults."""

RECURRENT = [name for name in ENCODERS if "bidirectional" in ENCODERS[name].model_fields]
ROWS = [
    pytest.param(name, settings, per_frame, id="-".join([name, *settings, "per_frame" if per_frame else "whole"]))
    for name in ENCODERS
    for settings in ([{"bidirectional": True}, {}] if name in RECURRENT else [{}])
    for per_frame in (False, True)
]
every_row = pytest.mark.parametrize(("name", "settings", "per_frame"), ROWS)


def build(name: str, settings: dict[str, object], per_frame: bool, *, signs: bool = False) -> Recogniser:
    """A model with statistics as after training, and with ``signs`` gains of which some are negative."""
    torch.manual_seed(0)
    if name in RECURRENT:
        settings = {"bidirectional": False, **settings}
    head = "ctc" if per_frame else "cross_entropy"
    model = recogniser(name, F, V, head=head, **ENCODERS[name].model_validate({"name": name, **settings}).model_dump())
    for module in model.modules():
        if signs and isinstance(module, nn.BatchNorm1d):
            module.weight.data[::3] *= -1
    with torch.no_grad():
        scores_of(model.train(), *batch(6, 40, 0))
    return model.eval()


def scores_of(model: Recogniser, features: torch.Tensor, lengths: torch.Tensor) -> Scores:
    return model.head.scorer(model.encode(Batch(tuple(map(str, range(len(lengths)))), features, lengths)))


def batch(size: int, frames: int, padding: int, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Features (B, T, F), T being ``frames`` and ``padding``, and lengths (B,); what is beyond them is no zero."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, frames + 1, (size,), generator=generator)
    lengths[-1] = frames
    return torch.randn(size, frames + padding, F, generator=generator), lengths


def smallest(model: Recogniser) -> int:
    return 1 if model.stride == 1 else model.stride + 1


def assert_same_scores(model: Recogniser, program: nn.Module, fewest: int, *, most: int = 300, count: int = 20) -> None:
    """At random shapes with and without padding, the smallest among them, within 1e-4."""
    generator = torch.Generator().manual_seed(2)
    sizes = torch.randint(1, 8, (count,), generator=generator).tolist()
    times = torch.randint(fewest, most + 1, (count,), generator=generator).tolist()
    shapes = [(1, fewest), (3, fewest), *zip(sizes[2:], times[2:], strict=True)]
    for seed, (size, frames) in enumerate(shapes):
        features, lengths = batch(size, frames, padding=7 * (seed % 3), seed=seed)
        with torch.no_grad():
            expected = scores_of(model, features, lengths)
            logits, counts = program(features, lengths)
        assert torch.equal(counts, expected.lengths)
        assert logits.shape == expected.logits.shape
        if logits.dim() == 3:
            real = torch.arange(logits.shape[1]) < counts.unsqueeze(1)
            logits, expected.logits[~real] = logits.masked_fill(~real.unsqueeze(2), 0.0), 0.0
        torch.testing.assert_close(logits, expected.logits, rtol=0, atol=1e-4)


def by_trace(module: nn.Module, fewest: int) -> nn.Module:
    """What ``torch.onnx.export(..., dynamo=False)`` rests on too; saved and loaded, lest Python be left in it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".torch.jit", category=DeprecationWarning)
        # Of whether sizes fit, in torch's recurrent layers; what we ask of numbers stays an error.
        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning, module=r"torch\.nn\.modules\.rnn")
        program = torch.jit.trace(module, batch(3, fewest + 50, 4), check_trace=False)
        file = io.BytesIO()
        torch.jit.save(program, file)
        file.seek(0)
        return torch.jit.load(file)


def by_export(module: nn.Module, fewest: int) -> nn.Module:
    size, time = torch.export.Dim("batch", min=1), torch.export.Dim("time", min=fewest)
    program = torch.export.export(
        module,
        batch(3, fewest + 50, 4),
        dynamic_shapes={"features": {0: size, 1: time}, "lengths": {0: size}},
        prefer_deferred_runtime_asserts_over_guards=True,  # as torch.onnx does
    )
    return program.module()


@pytest.mark.parametrize("signs", [False, True], ids=["rising", "falling"])
@pytest.mark.parametrize("name", ENCODERS)
def test_the_module_for_export_scores_the_same(name: str, signs: bool) -> None:
    model = build(name, {}, True, signs=signs)
    assert_same_scores(model, model.exported(), 1, most=50, count=8)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_whatever_the_nonlinearity(activation: str) -> None:
    for name in ENCODERS:
        if "activation" in ENCODERS[name].model_fields:
            model = build(name, {**SMALLER.get(name, {}), "activation": activation}, True)
            assert_same_scores(model, model.exported(), 1, most=30, count=5)


@every_row
def test_padding_changes_no_score_of_the_module_for_export(
    name: str, settings: dict[str, object], per_frame: bool
) -> None:
    module = build(name, settings, per_frame).exported()
    features, lengths = batch(4, 30, 17)
    together, counts = module(features, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone, _ = module(features[row : row + 1, :length], lengths[row : row + 1])
        kept = together[row, : counts[row]] if per_frame else together[row]
        torch.testing.assert_close(alone[0], kept, rtol=0, atol=1e-5)


@every_row
def test_traced_programs_take_any_batch_and_time(name: str, settings: dict[str, object], per_frame: bool) -> None:
    model = build(name, settings, per_frame)
    assert_same_scores(model, by_trace(model.exported(), 1), 1)


without_recurrence = pytest.mark.parametrize("name", [name for name in ENCODERS if name not in RECURRENT])


@without_recurrence
@pytest.mark.parametrize("per_frame", [False, True], ids=["whole", "per_frame"])
def test_exported_programs_take_any_batch_and_time(name: str, per_frame: bool) -> None:
    model = build(name, SMALLER.get(name, {}), per_frame)
    assert_same_scores(model, by_export(model.exported(), smallest(model)), smallest(model))


@pytest.mark.slow
@without_recurrence
@pytest.mark.parametrize("per_frame", [False, True], ids=["whole", "per_frame"])
def test_exported_programs_of_the_defaults_take_any_batch_and_time(name: str, per_frame: bool) -> None:
    model = build(name, {}, per_frame)
    assert_same_scores(model, by_export(model.exported(), smallest(model)), smallest(model))


class Frozen(nn.Module):
    """A model whose batch, or time, is written down as a number while it is exported."""

    def __init__(self, model: nn.Module, axis: int) -> None:
        super().__init__()
        self.model, self.axis = model, axis

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits, lengths = self.model(features, lengths)
        return logits[:, : int(logits.shape[1])] if self.axis else logits[: int(logits.shape[0])], lengths


@pytest.mark.parametrize("axis", [0, 1], ids=["batch", "time"])
def test_a_frozen_shape_is_noticed(axis: int) -> None:
    model = build("mlp", {}, True)
    frozen = Frozen(model.exported(), axis)
    with pytest.warns(torch.jit.TracerWarning, match="to a Python integer"):
        program = by_trace(frozen, 1)
    with pytest.raises(AssertionError):
        assert_same_scores(model, program, 1)
    with pytest.raises(RuntimeError, match=rf"Constraints violated \({('batch', 'time')[axis]}\)"):
        by_export(frozen, 1)


@every_row
def test_the_copy_is_its_own(name: str, settings: dict[str, object], per_frame: bool) -> None:
    model = build(name, settings, per_frame).train()
    module, (features, lengths) = model.exported(), batch(3, 20, 0)
    before, _ = module(features, lengths)
    assert not before.requires_grad
    assert all(part.training for part in model.modules())
    assert all(parameter.requires_grad for parameter in model.parameters())
    scores_of(model, features, lengths)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    assert torch.equal(module(features, lengths)[0], before)
