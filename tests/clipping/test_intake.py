"""What is given to be clipped: everything that torch's ``clip_grad_norm_`` takes, and gradients of any memory."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from asrtrain.clipping import CLIPPERS, build_clipper
from asrtrain.errors import UsageError

NORM = {"name": "norm", "threshold": 1.0}


def with_gradient(*values: complex, dtype: torch.dtype = torch.float32) -> torch.nn.Parameter:
    parameter = torch.nn.Parameter(torch.zeros(len(values), dtype=dtype))
    parameter.grad = torch.tensor(values, dtype=dtype)
    return parameter


def length(*parameters: torch.Tensor) -> float:
    return math.hypot(*(float(p.grad.to_dense().double().norm()) for p in parameters if p.grad is not None))


@pytest.mark.parametrize(
    "given",
    [
        lambda p: p,
        lambda p: [p],
        lambda p: (p,),
        lambda p: {p},
        lambda p: iter([p]),
        lambda p: (one for one in [p]),
        lambda p: [("w", p)],
        lambda p: {"w": p}.items(),
        lambda p: torch.nn.ParameterList([p]).named_parameters(),
    ],
)
@pytest.mark.parametrize("values", [(3.0, 4.0), (0.3, 0.4)])
def test_one_parameter_is_clipped_however_it_is_given(
    given: Callable[[torch.Tensor], object], values: tuple[float, ...]
) -> None:
    ours, theirs = with_gradient(*values), with_gradient(*values)
    report = build_clipper({**NORM, "compat": "torch"})(given(ours))
    assert float(report.norm_before) == pytest.approx(float(torch.nn.utils.clip_grad_norm_(theirs, 1.0)))
    assert torch.equal(ours.grad, theirs.grad)
    assert length(ours) == pytest.approx(float(report.norm_after))


def test_a_matrix_alone_is_one_parameter_and_not_its_rows() -> None:
    weight = torch.nn.Parameter(torch.ones(2, 2))
    (10 * weight).sum().backward()
    report = build_clipper(NORM)(weight)
    assert float(report.norm_before) == 20.0
    assert length(weight) == pytest.approx(1.0)


@pytest.mark.parametrize("nothing", [[], (), {}, iter([]), [torch.nn.Parameter(torch.ones(2))]])
def test_where_there_is_no_gradient_the_norm_is_zero(nothing: object) -> None:
    assert float(build_clipper(NORM)(nothing).norm_before) == 0.0


def test_a_generator_that_is_used_up_is_told_of() -> None:
    """torch warns too: the second of two calls clips nothing."""
    weight = with_gradient(3.0, 4.0)
    generator = (one for one in [weight])
    clip = build_clipper(NORM)
    clip(generator)
    with pytest.warns(UserWarning, match="used up"):
        assert float(clip(generator).norm_before) == 0.0


@pytest.mark.parametrize(
    "given",
    [
        None,
        torch.nn.Linear(2, 2),
        {"w": with_gradient(3.0, 4.0)},
        [{"params": [with_gradient(3.0, 4.0)]}],
        [["w", with_gradient(3.0, 4.0)]],
        [(with_gradient(3.0, 4.0), with_gradient(3.0, 4.0))],
        [(with_gradient(3.0), with_gradient(3.0), with_gradient(3.0))],
        enumerate([with_gradient(3.0, 4.0)]),
    ],
)
def test_what_is_no_parameter_is_refused_with_what_to_give(given: object) -> None:
    with pytest.raises(UsageError, match=r"model\.parameters\(\)"):
        build_clipper(NORM)(given)


@pytest.mark.parametrize("rule", [NORM, {**NORM, "scope": "tensor"}, {"name": "soft_value", "threshold": 1.0}])
@pytest.mark.parametrize("same", [lambda g: g, lambda g: g[:], lambda g: g.view(2), lambda g: g[:1]])
def test_parameters_that_share_a_gradient_are_each_clipped_once(
    rule: dict[str, object], same: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    """torch: scaled twice."""
    first, other = with_gradient(3.0, 4.0), with_gradient(3.0, 4.0)
    apart = (with_gradient(3.0, 4.0), with_gradient(*same(other.grad).tolist()))
    second = torch.nn.Parameter(torch.zeros_like(apart[1]))
    second.grad = same(first.grad)
    expected = build_clipper(rule)(apart)
    report = build_clipper(rule)([first, second])
    assert float(report.norm_before) == float(expected.norm_before)
    assert torch.equal(first.grad, apart[0].grad)
    assert torch.equal(second.grad, apart[1].grad)


def test_sparse_gradients_that_are_shared_are_clipped_once() -> None:
    first, second = torch.nn.Embedding(3, 2, sparse=True), torch.nn.Embedding(3, 2, sparse=True)
    first(torch.tensor([1, 1, 2])).sum().backward()
    second.weight.grad = first.weight.grad.coalesce()
    first.weight.grad = second.weight.grad
    report = build_clipper(NORM)([first.weight, second.weight])
    assert float(report.norm_before) == pytest.approx(math.sqrt(20))
    assert length(first.weight, second.weight) == pytest.approx(1.0)


@pytest.mark.parametrize("rule", ["norm", "value"])
def test_a_gradient_whose_elements_share_memory_is_clipped(rule: str) -> None:
    """torch: "more than one element of the written-to tensor refers to a single memory location"."""
    weight = torch.nn.Parameter(torch.zeros(4))
    weight.grad = torch.autograd.grad((3 * weight).sum(), weight)[0]
    strided = torch.nn.Parameter(torch.zeros(3, 2))
    strided.grad = torch.tensor([1.0, 2.0, 3.0, 4.0]).as_strided((3, 2), (1, 1))
    before = [weight.grad.clone(), strided.grad.clone()]
    report = build_clipper({"name": rule, "threshold": 2.5})([weight, strided])
    scale = 2.5 / float(report.norm_before)
    for parameter, raw in zip((weight, strided), before, strict=True):
        expected = raw * scale if rule == "norm" else raw.clamp(max=2.5)
        assert torch.allclose(parameter.grad, expected)


def test_the_parts_of_one_buffer_and_any_layout_stay_where_they_are() -> None:
    buffer = torch.arange(8.0)
    parts = [torch.nn.Parameter(torch.zeros(2)), torch.nn.Parameter(torch.zeros(3, 2))]
    parts[0].grad, parts[1].grad = buffer[:2], buffer[2:].view(2, 3).t()
    build_clipper(NORM)(parts)
    assert float(buffer.norm()) == pytest.approx(1.0)


@pytest.mark.parametrize("rule", ["norm", "value"])
def test_complex_gradients_are_refused(rule: str) -> None:
    real, weight = with_gradient(1.0), with_gradient(3 + 4j, 1j, dtype=torch.complex64)
    with pytest.raises(UsageError, match=r"gradient of parameter w is complex.*view_as_complex"):
        build_clipper({"name": rule, "threshold": 1.0})([("v", real), ("w", weight)])
    assert weight.grad.tolist() == [3 + 4j, 1j]


@pytest.mark.filterwarnings("ignore:Sparse CSR")
def test_gradients_of_other_layouts_and_of_several_devices_are_refused() -> None:
    rows = torch.nn.Parameter(torch.eye(2).to_sparse_csr())
    rows.grad = torch.eye(2).to_sparse_csr()
    with pytest.raises(UsageError, match=r"parameter 0 is torch\.sparse_csr"):
        build_clipper(NORM)([rows])
    elsewhere = torch.nn.Parameter(torch.zeros(2, device="meta"))
    elsewhere.grad = torch.zeros(2, device="meta")
    with pytest.raises(UsageError, match=r"several devices \(cpu, meta\)"):
        build_clipper(NORM)([with_gradient(3.0, 4.0), elsewhere])


def test_gradients_of_several_types_are_measured_together() -> None:
    types = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
    weights = [with_gradient(3.0, 4.0, dtype=dtype) for dtype in types]
    report = build_clipper(NORM)(weights)
    assert float(report.norm_before) == 10.0
    assert length(*weights) == pytest.approx(1.0, rel=1e-3)


def test_scalars_and_kept_gradients_of_results_are_clipped() -> None:
    scalar, weight = torch.nn.Parameter(torch.zeros(())), with_gradient(0.0, 0.0)
    scalar.grad = torch.tensor(4.0)
    result = 3 * weight
    result.retain_grad()
    result[0].backward()
    report = build_clipper(NORM)([scalar, result])
    assert float(report.norm_before) == pytest.approx(math.sqrt(17))
    assert length(scalar, result) == pytest.approx(1.0)


@pytest.mark.parametrize("tiny", [1e-46, 1.4e-45, 1e-40, 5e-324])
def test_a_threshold_that_float32_makes_zero_is_refused(tiny: float) -> None:
    for name in ("norm", "value", "fixed", "normalize", "smooth_norm", "block_rms", "sign", "recurrent_clip"):
        with pytest.raises(UsageError, match=r"too small for gradients in float32.*write at least 2e-38"):
            build_clipper({"name": name, "threshold": tiny})
    with pytest.raises(UsageError, match="too small"):
        build_clipper({"name": "norm", "threshold": {"name": "scheduled", "start": tiny, "end": 1.0, "steps": 2}})
    with pytest.raises(UsageError, match="too small"):
        build_clipper({"name": "norm", "scope": "group", "threshold": {"w": tiny}})


@pytest.mark.parametrize("bad", [True, False, math.inf, -math.inf, math.nan, -0.0, -1e-46])
def test_what_is_no_threshold_is_refused(bad: object) -> None:
    for name in ("norm", "value", "fixed"):
        assert name in CLIPPERS
        with pytest.raises(UsageError, match="threshold"):
            build_clipper({"name": name, "threshold": bad})


def test_the_smallest_threshold_is_kept_to() -> None:
    weight = with_gradient(3.0, 4.0)
    build_clipper({"name": "norm", "threshold": 2e-38})(weight)
    assert length(weight) == pytest.approx(2e-38, rel=1e-6)
