"""What ``explain`` found out about steps that went wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from asrtrain.reporting.html.axes import finite, legend_below, scale_y
from asrtrain.reporting.html.svg import SERIES, Picture, sheet
from asrtrain.reporting.html.tables import Table
from asrtrain.reporting.html.thinning import thinned
from asrtrain.reporting.style import BLUE, ORANGE

_MOST_UTTERANCES = 8
_MOST_EXPLAINED = 6
_MOST_MODULES = 16
_LOST = 8.0
"""Orders of magnitude that stand for numbers that became infinite."""


@final
@dataclass(frozen=True, slots=True)
class Explosion:
    """One explained step, for the page."""

    title: str
    sentences: Sequence[str]
    utterances: Table | None
    pictures: Sequence[Picture]
    text: str


def explosions(explanations: Sequence[tuple[Mapping[str, Any], str]], prefix: str) -> Iterator[Explosion]:
    """The newest explanations, each with its verdict, its utterances, pictures and text."""
    for number, (found, text) in enumerate(explanations[-_MOST_EXPLAINED:]):
        sentences = [str(found[key]) for key in ("verdict", "suggestion") if found.get(key)]
        sentences += [f"A fault was planted here on purpose: {fault}" for fault in found.get("planted", ())]
        if "repeats" in found:
            sentences.append(f"Two replays {'agree' if found['repeats'] else 'do not agree'} bit for bit.")
        title = f"Step {found.get('step', '?')}: loss {_plain(found.get('loss'))}, norm {_plain(found.get('norm'))}"
        name = f"{prefix}-explosion-{number}"
        drawn = _over_time(found.get("recurrences", ()), f"{name}-time"), _growth(found.get("modules", ()), name)
        pictures = [picture for picture in drawn if picture is not None]
        yield Explosion(title, sentences, _utterances(found.get("utterances", ())), pictures, text)


def _plain(value: Any) -> str:  # noqa: ANN401 - JSON
    return f"{value:.4g}" if isinstance(value, int | float) else str(value)


def _utterances(facts: Sequence[Mapping[str, Any]]) -> Table | None:
    if not facts:
        return None
    ranked = sorted(facts, key=lambda fact: -np.nan_to_num(float(fact["norm"]), nan=np.inf))[:_MOST_UTTERANCES]
    keys = ("id", "loss", "norm", "frames", "labels")
    rows = [[_plain(fact.get(key)) for key in keys] for fact in ranked]
    return Table("The utterances of the step, each alone", ["utterance", *keys[1:]], rows)


def _over_time(recurrences: Sequence[Mapping[str, Any]], name: str) -> Picture | None:
    lines = {}
    for facts in recurrences:
        lines[str(facts["module"])] = np.array(facts["gradients"], dtype=np.float64)
        lines[f"{facts['module']}, largest that left it"] = np.array(facts.get("leaving", ()), dtype=np.float64)
    drawable = {label: norms for label, norms in lines.items() if (finite(norms) > 0).any()}
    if not drawable:
        return None
    with sheet(name, 3.0 + 0.2 * len(drawable)) as drawn:
        axes = drawn.figure.subplots()
        for place, (label, norms) in enumerate(drawable.items()):
            frames = np.arange(len(norms), dtype=np.float64)
            axes.plot(*thinned(frames, norms), color=SERIES[place % len(SERIES)], label=f"layer {label}")
        axes.set(xlabel="frame at the layer's rate", ylabel="gradient")
        scale_y(axes, *drawable.values())
        drawn.figure.legend(loc="outside lower left", ncols=1)
    told = (
        f"{label} from {finite(norms).min():.3g} to {finite(norms).max():.3g} over {len(norms)} frames"
        for label, norms in drawable.items()
    )
    return Picture("‖∂L/∂h‖ of the recurrent layers over time", drawn.svg, "; ".join(told) + ".")


def _growth(modules: Sequence[Mapping[str, Any]], name: str) -> Picture | None:
    """By how many orders of magnitude more than usual the modules let numbers grow, the most unusual first."""
    excess = {
        str(facts["name"]): [min(_LOST, max(0.0, float(facts[f"{way}_excess"]))) for way in ("forward", "backward")]
        for facts in modules
    }
    shown = sorted(excess, key=lambda module: -max(excess[module]))[:_MOST_MODULES]
    if not shown or max(excess[shown[0]]) <= 0:
        return None
    places = np.arange(len(shown))
    with sheet(name, 1.5 + 0.3 * len(shown)) as drawn:
        axes = drawn.figure.subplots()
        for way, (offset, colour) in enumerate(((-0.2, BLUE), (0.2, ORANGE))):
            label = ("forward", "backward")[way]
            axes.barh(places + offset, [excess[module][way] for module in shown], 0.4, color=colour, label=label)
        axes.set_yticks(places, shown, fontsize=8)
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set(xlabel=f"orders of magnitude above usual (cut at {_LOST:g})")
        legend_below(drawn.figure)
    told = "; ".join(f"{m} {excess[m][0]:.2g} forward, {excess[m][1]:.2g} backward" for m in shown[:3])
    return Picture("Growth above what is usual, by module", drawn.svg, f"Most unusual: {told} orders of magnitude.")
