"""Under ``compat`` the same bits as other libraries, from the registry, over 200 steps.

No two libraries add up floats in the same order. Where a peer's sums are not torch's, gradients are small whole numbers
over a power of two, whose squares add up exactly in any order: then every other operation must be the same.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from clipping_cases import Named, flat, parameters, same

from asrtrain.clipping import build_clipper

STEPS = 200


@pytest.mark.parametrize("p", [1.0, 2.0, float("inf")])
@pytest.mark.parametrize("threshold", [0.5, 5.0])
def test_torch_norm(p: float, threshold: float) -> None:
    order = "inf" if p == float("inf") else p
    clipper = build_clipper({"name": "norm", "threshold": threshold, "p": order, "compat": "torch"})
    for step in range(STEPS):
        ours, theirs = parameters(1.0, step), parameters(1.0, step)
        clipper(ours.items())
        torch.nn.utils.clip_grad_norm_(theirs.values(), threshold, norm_type=p)
        assert same(ours, theirs)


def test_torch_value() -> None:
    clipper = build_clipper({"name": "value", "threshold": 0.3})
    for step in range(STEPS):
        ours, theirs = parameters(1.0, step), parameters(1.0, step)
        clipper(ours.items())
        torch.nn.utils.clip_grad_value_(theirs.values(), 0.3)
        assert same(ours, theirs)


def test_timm_agc() -> None:
    from timm.utils.agc import adaptive_clip_grad

    clipper = build_clipper({"name": "agc", "compat": "timm"})
    for step in range(STEPS):
        ours, theirs = parameters(0.1, step), parameters(0.1, step)
        clipper(ours.items())
        adaptive_clip_grad(list(theirs.values()), clip_factor=0.01, eps=1e-3)
        assert same(ours, theirs)


def whole(step: int, *, shapes: dict[str, tuple[int, ...]] | None = None) -> Named:
    """Weights and gradients of whole numbers over 16, the later ones larger."""
    named = parameters(1.0, step, shapes=shapes)
    for parameter in named.values():
        parameter.data = (parameter.data * 16).round() / 16
        parameter.grad = (parameter.grad * (1 + step % 5) * 8).round() / 16
    return named


def by_optax(transformation: object, named: Named, state: object = None) -> Named:
    """The gradients after a transformation of optax, matrices transposed as it has them."""
    import jax

    def to(tensor: torch.Tensor) -> object:
        return jax.numpy.asarray((tensor.T if tensor.ndim == 2 else tensor).detach().numpy())

    gradients = {name: to(p.grad) for name, p in named.items()}
    weights = {name: to(p) for name, p in named.items()}
    updates, _ = transformation.update(gradients, transformation.init(weights), weights)
    for name, parameter in named.items():
        array = torch.from_numpy(np.array(updates[name]))
        parameter.grad = array.T.contiguous() if array.ndim == 2 else array
    return named


def global_norm_by_formula(named: Named) -> Named:
    arrays = {name: p.grad.numpy() for name, p in named.items()}
    norm = np.sqrt(sum((np.square(array).sum() for array in arrays.values()), np.float32(0)))
    for name, array in arrays.items():
        named[name].grad = torch.from_numpy(array if norm < 3.7 else array / norm * np.float32(3.7))
    return named


def block_rms_by_formula(named: Named) -> Named:
    for parameter in named.values():
        array = parameter.grad.numpy()
        scale = np.maximum(np.float32(1), np.sqrt(np.square(array).mean()) / np.float32(0.7))
        parameter.grad = torch.from_numpy(array / scale)
    return named


BY_FORMULA = {"norm": global_norm_by_formula, "block_rms": block_rms_by_formula}
"""XLA replaces divisions by products with the reciprocal, and its roots are off by a bit: what optax asks for, with the
arithmetic of IEEE 754, is compared bit for bit, and what XLA makes of it to two roundings."""


@pytest.mark.parametrize(
    "rule", ["norm", *(pytest.param(rule, marks=pytest.mark.slow) for rule in ("value", "block_rms", "agc"))]
)
def test_optax(rule: str) -> None:
    import optax

    settings, transformation = {
        "value": ({"threshold": 0.25}, optax.clip(0.25)),
        "norm": ({"threshold": 3.7, "compat": "optax"}, optax.clip_by_global_norm(3.7)),
        "block_rms": ({"threshold": 0.7, "compat": "optax"}, optax.clip_by_block_rms(0.7)),
        # optax's unit of a matrix (in, out) is an output, which is timm's of a matrix (out, in).
        "agc": ({"clip_factor": 0.5, "compat": "timm"}, optax.adaptive_grad_clip(0.5, 1e-3)),
    }[rule]
    shapes = {"a.weight": (3, 4), "a.bias": (3,), "b.weight": (8, 2), "b.bias": (1,)}
    clipper, clipped = build_clipper({"name": rule, **settings}), 0
    for step in range(STEPS):
        ours, theirs = whole(step, shapes=shapes), by_optax(transformation, whole(step, shapes=shapes))
        clipped += bool(clipper(ours.items()).clipped)
        if rule in BY_FORMULA:
            torch.testing.assert_close(flat(ours), flat(theirs), rtol=3e-7, atol=0)  # XLA rounds twice
            assert same(ours, BY_FORMULA[rule](whole(step, shapes=shapes))), step
        else:
            assert same(ours, theirs), step
    assert clipped > STEPS / 4


def test_icefall_median() -> None:
    """The recursion of ScaledAdam's ``_get_clipping_scale``, as published, written out on its own."""
    clipper = build_clipper({"name": "median_scale", "compat": "icefall"})
    norms, threshold, clipped = [0.0] * 100, None, 0
    growth = np.random.default_rng(0).lognormal(sigma=1.0, size=STEPS + 50)
    for step in range(STEPS + 50):
        ours, theirs = parameters(float(growth[step]), step), parameters(float(growth[step]), step)
        scale = 1.0
        if step:
            total = torch.tensor(0.0)
            for p in theirs.values():
                weight = 0.1**2 if p.numel() == 1 else (p.detach() ** 2).mean()
                total += (p.grad**2).sum() * weight if p.numel() == 1 else (p.grad**2 * weight).sum()
            norm = total.sqrt()
            norms[step % 100] = norm.item()
            if step % 100 == 0 or step in (10, 20, 40):
                known = sorted(norms)[-step:] if step in (10, 20, 40) else sorted(norms)
                threshold = 2.0 * known[min(len(known) - 1, len(known) // 4 * 2)] * (1 if step % 100 == 0 else 2.0)
            if threshold is not None:
                scale = min(1.0, (threshold / (norm + 1e-20)).item())
        for p in theirs.values():
            p.grad.mul_(scale)
        clipper(ours.items())
        clipped += scale < 1
        assert same(ours, theirs), step
    assert clipped > 10
