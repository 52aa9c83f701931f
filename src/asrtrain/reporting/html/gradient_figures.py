"""What the gradients were: norms with thresholds, how often clipped, who has the norm and when, before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from asrtrain.clipping import layer_of
from asrtrain.reporting.gradients import running_share
from asrtrain.reporting.html.axes import finite, legend_below, scale_x, scale_y
from asrtrain.reporting.html.columns import of_steps
from asrtrain.reporting.html.svg import WIDTH, Picture, sheet
from asrtrain.reporting.html.thinning import thinned
from asrtrain.reporting.style import BLUE, GREY, INK, ORANGE, RED
from asrtrain.training import StepRecord

Numbers = npt.NDArray[np.float64]

_DOTS = 600
"""A dot takes more room in the file than a corner of a line."""
_MOMENTS = 120
_MOST_LAYERS = 30
_NAME = 24


def gradient_figures(steps: Sequence[StepRecord], prefix: str) -> Iterator[Picture]:
    """Those that there are numbers for."""
    if not steps:
        return
    yield _norms(steps, prefix)
    yield _clipped(steps, prefix)
    if np.isfinite(of_steps(steps, "norm_before")).any():
        if any(row.shares for row in steps):
            yield _heat_map(steps, prefix)
        yield _distribution(steps, prefix)


def _norms(steps: Sequence[StepRecord], prefix: str) -> Picture:
    step, before, after = (of_steps(steps, key) for key in ("step", "norm_before", "norm_after"))
    threshold, clipped = of_steps(steps, "threshold"), of_steps(steps, "clipped") == 1
    skipped = (of_steps(steps, "stepped") == 0) | ~np.isfinite(before)
    with sheet(f"{prefix}-norms", 3.6) as drawn:
        axes = drawn.figure.subplots()
        if clipped.any():
            dots = thinned(step[clipped], before[clipped], _DOTS)
            axes.plot(*dots, ".", color=ORANGE, markersize=4, label="before clipping")
        axes.plot(*thinned(step, after, _DOTS), ".", color=BLUE, markersize=4, label="after, or unclipped")
        if np.isfinite(threshold).any():
            axes.plot(*thinned(step, threshold), color=INK, linewidth=1.2, label="threshold")
        if skipped.any():
            crosses, _ = thinned(step[skipped], np.zeros(skipped.sum()), _DOTS)
            top = np.full(len(crosses), 0.97)
            axes.plot(crosses, top, "x", color=RED, transform=axes.get_xaxis_transform(), label="step not taken")
        axes.set(ylabel="gradient norm", xlabel="optimiser step")
        scale_y(axes, before, after, threshold)
        legend_below(drawn.figure)
    says = " ".join([_sizes("", before), _threshold(threshold), _counted(steps, clipped)])
    largest = f" The largest was at step {step[np.nanargmax(before)]:.0f}." if np.isfinite(before).any() else ""
    return Picture("Gradient norm", drawn.svg, says + largest)


def _threshold(threshold: Numbers) -> str:
    known = finite(threshold)
    if not len(known):
        return "No threshold was recorded."
    if known.min() == known.max():
        return f"The threshold was {known[0]:.4g} throughout."
    return f"The threshold moved between {known.min():.4g} and {known.max():.4g}, {known[-1]:.4g} at the end."


def _counted(steps: Sequence[StepRecord], clipped: npt.NDArray[np.bool_]) -> str:
    said = f"{clipped.sum():,} of {len(steps):,} steps were clipped ({100 * clipped.mean():.1f} %)"
    reasons = Counter(row.reason for row in steps if not row.stepped)
    told = ", ".join(f"{count} ({reason})" if reason else f"{count}" for reason, count in reasons.most_common())
    return f"{said}; not taken: {told or 'none'}."


def _clipped(steps: Sequence[StepRecord], prefix: str) -> Picture:
    step, clipped = of_steps(steps, "step"), of_steps(steps, "clipped")
    share = 100 * running_share(clipped)
    with sheet(f"{prefix}-clipped", 2.2) as drawn:
        axes = drawn.figure.subplots()
        axes.plot(*thinned(step, share), color=GREY)
        axes.set(ylabel="clipped (%)", xlabel="optimiser step", ylim=(-2, 102))
    says = (
        f"The share among the last twentieth of the run: {100 * clipped.mean():.1f} % over all steps, "
        f"at most {share.max():.1f} %, {share[-1]:.1f} % at the end."
    )
    return Picture("Steps clipped", drawn.svg, says)


def _heat_map(steps: Sequence[StepRecord], prefix: str) -> Picture:
    layers, norms = _by_layer(steps)
    places = np.array_split(np.arange(len(steps)), min(_MOMENTS, len(steps)))
    moments = np.stack([_largest(norms[part]) for part in places], axis=1)
    order = np.argsort(-np.nan_to_num(np.nanmean(norms**2, axis=0)))[:_MOST_LAYERS]
    shown = np.sort(order)  # in the order of the model
    logs = np.log10(np.where(moments[shown] > 0, moments[shown], np.nan))
    with sheet(f"{prefix}-heat", 1.3 + 0.2 * len(shown), WIDTH) as drawn:
        axes = drawn.figure.subplots()
        ends = steps[0].step - 0.5, steps[-1].step + 0.5, len(shown) - 0.5, -0.5
        image = axes.imshow(logs, aspect="auto", interpolation="none", extent=ends, cmap="viridis")
        axes.set_yticks(range(len(shown)), [_short(layers[place]) for place in shown], fontsize=8)
        axes.set(xlabel="optimiser step")
        axes.grid(visible=False)
        bar = drawn.figure.colorbar(image, location="bottom", aspect=40, label="log₁₀ of the norm")
        if bar.solids is not None:
            bar.solids.set_rasterized(True)
    return Picture("Gradient norm by layer and time", drawn.svg, _heat_in_words(layers, norms, len(shown)))


def _by_layer(steps: Sequence[StepRecord]) -> tuple[list[str], Numbers]:
    """The layers (L), and the norm of each at each step (S, L); NaN where it is not known."""
    names = next(tuple(row.shares) for row in steps if row.shares)
    layers = list(dict.fromkeys(map(layer_of, names)))
    to_layer = np.zeros((len(names), len(layers)))
    for place, name in enumerate(names):
        to_layer[place, layers.index(layer_of(name))] = 1
    unknown = dict.fromkeys(names, np.nan)
    shares = np.array([[(row.shares or unknown).get(name, np.nan) for name in names] for row in steps])
    norms: Numbers = of_steps(steps, "norm_before")[:, None] * np.sqrt(shares @ to_layer)
    return layers, norms


def _largest(norms: Numbers) -> Numbers:
    """Over the first axis; NaN where there is no finite one."""
    lowered = np.where(np.isfinite(norms), norms, -1.0).max(axis=0)
    return np.where(lowered >= 0, lowered, np.nan)


def _heat_in_words(layers: Sequence[str], norms: Numbers, shown: int) -> str:
    known = norms[np.isfinite(norms).all(axis=1)]
    medians = np.median(known, axis=0)
    most, least = int(np.argmax(medians)), int(np.argmin(medians))
    leading = int((np.argmax(known, axis=1) == most).sum())
    told = (
        f"Of every stretch of steps the largest norm is shown. {layers[most]} has the largest median, "
        f"{medians[most]:.3g}, and leads in {leading:,} of {len(known):,} steps"
    )
    told += f"; {layers[least]} has the smallest, {medians[least]:.3g}." if most != least else "."
    if shown < len(layers):
        told += f" The {shown} largest of {len(layers)} layers are shown."
    return told


def _short(name: str) -> str:
    return name if len(name) <= _NAME else f"…{name[1 - _NAME :]}"


def _distribution(steps: Sequence[StepRecord], prefix: str) -> Picture:
    before, after = finite(of_steps(steps, "norm_before")), finite(of_steps(steps, "norm_after"))
    every = np.concatenate([before, after])
    positive = every[every > 0]
    low, high = (positive.min(), positive.max()) if len(positive) else (1.0, 1.0)
    edges = np.geomspace(low * 0.999, high * 1.001, 41)
    with sheet(f"{prefix}-distribution", 2.8) as drawn:
        axes = drawn.figure.subplots()
        for values, colour, label in ((before, ORANGE, "before clipping"), (after, BLUE, "after clipping")):
            axes.stairs(np.histogram(values, edges)[0], edges, color=colour, fill=True, alpha=0.25)
            axes.stairs(np.histogram(values, edges)[0], edges, color=colour, linewidth=1.5, label=label)
        axes.set(xlabel="gradient norm", ylabel="steps")
        scale_x(axes, positive)
        legend_below(drawn.figure)
    says = f"{_sizes('Before clipping: ', before)} {_sizes('After: ', after)}"
    return Picture("How often which norm", drawn.svg, says)


def _sizes(whose: str, values: Numbers) -> str:
    known = finite(values)
    if not len(known):
        return f"{whose}No norm was finite."
    half, most, largest = np.quantile(known, [0.5, 0.99, 1.0])
    told = f"median {half:.4g}, 99 % up to {most:.4g}, largest {largest:.4g}."
    return whose + told if whose else told.capitalize()
