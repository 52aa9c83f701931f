"""What the gradients of a run were, and what other clipping rules would have done to them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from asrtrain import run_folder
from asrtrain.app.trained import recorded_steps
from asrtrain.clipping import read_rules
from asrtrain.comparison import rule_setting
from asrtrain.lab import GradientReport, recorded_norms, replay
from asrtrain.reporting import draw_what_if
from asrtrain.training import clipping_in_words

_OWN = "own"


def grads(
    run: str | Path | None = None, *, what_if: Sequence[str] = (), plot: str | Path | None = None
) -> GradientReport:
    """Read a run's record of its gradients, and send it through other rules.

    ``what_if`` are rules as in `compare`, or ``own``: the run's. ``plot`` is a PNG to be drawn. Raises CheckpointError,
    also for a run without a step, and UsageError for a rule that norms alone cannot tell of.
    """
    folder = run_folder.find(None if run is None else Path(run))
    config = run_folder.read_config(folder)
    steps = recorded_steps(folder, config)
    history = recorded_norms(steps)
    rules = {t: config.clipping if t == _OWN else read_rules(rule_setting(t, "--what-if")) for t in what_if}
    replays = {text: replay(chosen, history, seed=config.seed) for text, chosen in rules.items()}
    if plot is not None:
        draw_what_if(history.totals, {text: found.thresholds for text, found in replays.items()}, Path(plot))
    return GradientReport(steps, history, clipping_in_words(folder), replays)
