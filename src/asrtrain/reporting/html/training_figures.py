"""How training went: loss, development metric, learning rate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from asrtrain.reporting.curves import smoothed
from asrtrain.reporting.html.axes import finite, legend_below, scale_y
from asrtrain.reporting.html.columns import of_steps
from asrtrain.reporting.html.findings import RunFindings
from asrtrain.reporting.html.svg import Picture, sheet
from asrtrain.reporting.html.thinning import thinned
from asrtrain.reporting.measurements import Row, column
from asrtrain.reporting.style import BLUE, GREY, ORANGE, time_of


def training_figures(run: RunFindings, prefix: str) -> Iterator[Picture]:
    """Those that there are numbers for."""
    if run.steps or run.epochs:
        yield _loss(run, prefix)
    if run.epochs:
        yield _metric(run, prefix)
    if run.steps:
        yield _rate(run, prefix)


def _loss(run: RunFindings, prefix: str) -> Picture:
    dev = column(run.epochs, "dev_loss")
    if run.steps:
        step, loss = of_steps(run.steps, "step"), of_steps(run.steps, "loss")
        smooth, how = smoothed(loss), " (mean of the last fiftieth of the run)"
    else:
        step, loss = column(run.epochs, "step"), column(run.epochs, "train_loss")
        smooth, how = loss, ""
    with sheet(f"{prefix}-loss", 3.2) as drawn:
        axes = drawn.figure.subplots()
        if run.steps:
            axes.plot(*thinned(step, loss), color=BLUE, alpha=0.3, linewidth=0.8)
        axes.plot(*thinned(step, smooth), color=BLUE, label="training")
        axes.plot(column(run.epochs, "step"), dev, color=ORANGE, marker="o", markersize=4, label="development")
        axes.set(ylabel="loss", xlabel=time_of(run.steps))
        if min([*finite(loss), *finite(dev)], default=0) > 0:
            scale_y(axes, loss, dev)
        legend_below(drawn.figure)
    return Picture("Loss", drawn.svg, f"{_training_loss(smooth, how)} {_development_loss(run.epochs)}".strip())


def _training_loss(smooth: np.ndarray, how: str) -> str:
    known = finite(smooth)
    if not len(known):
        return "The training loss was never finite."
    told = f"Training loss from {known[0]:.4g} to {known[-1]:.4g}{how}."
    return told if np.isfinite(smooth[-1]) else f"{told} At the end it was not finite."


def _development_loss(epochs: Sequence[Row]) -> str:
    losses = column(epochs, "dev_loss")
    if not np.isfinite(losses).any():
        return "There is no development loss." if len(epochs) else "No epoch was finished."
    best = int(np.nanargmin(losses))
    return f"Development loss lowest in epoch {epochs[best]['epoch']}: {losses[best]:.4g}; at the end {losses[-1]:.4g}."


def _metric(run: RunFindings, prefix: str) -> Picture:
    epochs = run.epochs
    values, name = 100 * column(epochs, "dev_metric"), str(epochs[-1]["metric"])
    with sheet(f"{prefix}-metric", 3.2) as drawn:
        axes = drawn.figure.subplots()
        axes.plot(*thinned(column(epochs, "step"), values), color=ORANGE, marker="o", markersize=4)
        axes.set(ylabel=f"{name} (%)", xlabel=time_of(run.steps))
    best = [(row["epoch"], value) for row, value in zip(epochs, values, strict=True) if row["best"]]
    told = f"Best in epoch {best[-1][0]}: {best[-1][1]:.2f} %." if best else "No epoch was the best."
    return Picture(f"Development {name}", drawn.svg, f"{told} In the last of {len(epochs)} epochs: {values[-1]:.2f} %.")


def _rate(run: RunFindings, prefix: str) -> Picture:
    step, rate = of_steps(run.steps, "step"), of_steps(run.steps, "lr")
    with sheet(f"{prefix}-rate", 2.2) as drawn:
        axes = drawn.figure.subplots()
        axes.plot(*thinned(step, rate), color=GREY)
        axes.set(ylabel="learning rate", xlabel="optimiser step")
    highest = int(np.argmax(rate))
    says = (
        f"From {rate[0]:.3g} at step {step[0]:.0f}; highest {rate[highest]:.3g} at step {step[highest]:.0f}; "
        f"{rate[-1]:.3g} at step {step[-1]:.0f}."
    )
    return Picture("Learning rate", drawn.svg, says)
