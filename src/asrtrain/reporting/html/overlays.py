"""The same curve of several runs in one figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from asrtrain.reporting.curves import smoothed
from asrtrain.reporting.html.axes import finite, scale_y
from asrtrain.reporting.html.columns import of_steps
from asrtrain.reporting.html.findings import RunFindings
from asrtrain.reporting.html.svg import SERIES, Picture, sheet
from asrtrain.reporting.html.thinning import thinned
from asrtrain.reporting.measurements import column

Numbers = npt.NDArray[np.float64]
Curve = Callable[[RunFindings], tuple[Numbers, Numbers]]

_DASHES = ("-", "--", ":", "-.")
_LABEL = 60
_POINTS = 400
_FEW = 40


def overlaid_curves(runs: Sequence[RunFindings]) -> Iterator[Picture]:
    """Training loss, development metric and gradient norm."""
    curves: dict[str, Curve] = {
        "Training loss": lambda run: _over_steps(run, "loss"),
        "Development metric (%)": lambda run: (column(run.epochs, "step"), 100 * column(run.epochs, "dev_metric")),
        "Gradient norm before clipping": lambda run: _over_steps(run, "norm_before"),
    }
    for number, (title, curve) in enumerate(curves.items()):
        lines = {_labelled(run, title): curve(run) for run in runs}
        drawable = {name: line for name, line in lines.items() if np.isfinite(line[1]).any()}
        if drawable:
            yield _overlaid(title, drawable, list(lines), f"overlay-{number}")


def _over_steps(run: RunFindings, key: str) -> tuple[Numbers, Numbers]:
    values = of_steps(run.steps, key)
    return of_steps(run.steps, "step"), smoothed(values) if len(values) else values


def _labelled(run: RunFindings, title: str) -> str:
    """Its name; beside its metric, where not all of the runs need have the same."""
    return f"{run.name} ({run.epochs[-1]['metric']})" if run.epochs and title.startswith("Development") else run.name


def _overlaid(title: str, lines: dict[str, tuple[Numbers, Numbers]], runs: Sequence[str], name: str) -> Picture:
    with sheet(name, 3.2 + 0.2 * len(lines)) as drawn:
        axes = drawn.figure.subplots()
        for label, (x, y) in lines.items():
            place = runs.index(label)
            colour, dashes = SERIES[place % len(SERIES)], _DASHES[place % len(_DASHES)]
            dots = "." if len(x) < _FEW else ""  # a line of one point would not be seen
            axes.plot(*thinned(x, y, _POINTS), f"{dots}{dashes}", color=colour, label=label[:_LABEL], linewidth=1.6)
        axes.set(ylabel=title.lower(), xlabel="optimiser step")
        if not title.startswith("Development"):
            scale_y(axes, *(y for _, y in lines.values()))
        drawn.figure.legend(loc="outside lower left", ncols=1)
    told = (f"{label}: from {finite(y)[0]:.4g} to {finite(y)[-1]:.4g}" for label, (_, y) in lines.items())
    how = "Means of the last fiftieth of the run. " if not title.startswith("Development") else ""
    return Picture(title, drawn.svg, how + "; ".join(told) + ".")
