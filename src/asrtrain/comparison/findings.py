"""What a comparison found: a table, intervals of the differences, and which of them are real."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from statistics import fmean, stdev
from typing import Any, final

import numpy as np

from asrtrain.comparison.trial import Trial
from asrtrain.evaluation.intervals import ROUGH_BELOW
from asrtrain.evaluation.paired import paired_interval


@dataclass(frozen=True, slots=True)
class Difference:
    """A variant's error rate less the baseline's: the mean over the seeds, and its interval.

    ``real`` says that the interval excludes zero at a level that allows for the number of variants compared
    (Bonferroni).
    """

    variant: str
    mean: float
    low: float
    high: float
    real: bool


@final
@dataclass(frozen=True)
class Comparison:
    """The trials of every variant, by its label; the first is the baseline, and all have the same seeds."""

    trials: dict[str, list[Trial]]
    figure: str
    """``accuracy`` or ``wer``."""

    @property
    def baseline(self) -> str:
        """The label of what the others are compared with."""
        return next(iter(self.trials))

    @cached_property
    def differences(self) -> list[Difference]:
        """Each variant against the baseline."""
        others = [label for label in self.trials if label != self.baseline]
        return [self._difference(label, comparisons=len(others)) for label in others]

    def _difference(self, label: str, *, comparisons: int) -> Difference:
        ours, theirs = _matrix(self.trials[label]), _matrix(self.trials[self.baseline])
        totals = np.asarray(self.trials[label][0].totals, dtype=np.float64)
        low, high = paired_interval(ours, theirs, totals)
        strict_low, strict_high = paired_interval(ours, theirs, totals, level=1 - 0.05 / comparisons)
        mean = float((ours - theirs).sum() / (len(ours) * max(1.0, totals.sum())))
        return Difference(label, mean, low, high, strict_low > 0 or strict_high < 0)

    def score(self, trial: Trial) -> float:
        """The figure that people read: accuracy, or WER."""
        return 1 - trial.rate if self.figure == "accuracy" else trial.rate

    def to_text(self) -> str:
        """A table of the variants, then one plain sentence a difference."""
        rows = [_HEADER | {"score": "%ACC" if self.figure == "accuracy" else "%WER", "gap": "train-test"}]
        rows += [self._row(label, trials) for label, trials in self.trials.items()]
        columns = [name for name in rows[0] if any(row[name] for row in rows[1:])]
        widths = {name: max(len(row[name]) for row in rows) for name in columns}
        lines = ["  ".join(_padded(row[name], widths[name], name) for name in columns).rstrip() for row in rows]
        return "\n".join([*lines, "", *(self._sentence(difference) for difference in self.differences)])

    def to_json(self) -> dict[str, Any]:
        """Every trial and every difference."""
        return {
            "figure": self.figure,
            "baseline": self.baseline,
            "trials": [
                asdict(trial) | {"score": self.score(trial)} for trials in self.trials.values() for trial in trials
            ],
            "differences": [asdict(difference) for difference in self.differences],
        }

    def _row(self, label: str, trials: Sequence[Trial]) -> dict[str, str]:
        scores = [100 * self.score(trial) for trial in trials]
        spread = f" ± {stdev(scores):.2f}" if len(scores) > 1 else ""
        reached = [trial.steps_to_target for trial in trials if trial.steps_to_target is not None]
        gaps = [100 * trial.gap for trial in trials if trial.gap is not None]
        found, survived = sum(t.spikes for t in trials), sum(t.spikes_survived for t in trials)
        return {
            "variant": label,
            "score": f"{fmean(scores):.2f}{spread}",
            "lost": f"{sum(bool(t.diverged) for t in trials)}/{len(trials)}",
            "gap": f"{fmean(gaps):+.2f}" if gaps else "",
            "to target": f"{fmean(reached):.0f} steps ({len(reached)}/{len(trials)})" if reached else "",
            "clipped": f"{100 * fmean(t.clipped_share for t in trials):.1f} %",
            "spikes": f"{survived}/{found} survived" if found else "",
            "CPU": f"{1000 * sum(t.cpu_seconds for t in trials) / max(1, sum(t.steps for t in trials)):.1f} ms/step",
        }

    def _sentence(self, difference: Difference) -> str:
        better = "lower" if (difference.mean < 0) == (self.figure == "wer") else "higher"
        sign = -1 if self.figure == "accuracy" else 1
        points = 100 * abs(difference.mean)
        ends = sorted(100 * sign * end + 0.0 for end in (difference.low, difference.high))  # + 0.0: no minus zero
        few = len(self.trials[self.baseline][0].totals) < ROUGH_BELOW
        rough = f", rough: fewer than {ROUGH_BELOW} utterances" if few else ""
        between = f"95 % interval of the difference {ends[0]:+.2f} to {ends[1]:+.2f} points{rough}"
        if difference.real:
            real = "real" if len(self.trials[self.baseline]) > 1 else "real for this seed, and another may differ"
            return (
                f"{difference.variant}: {points:.2f} points {better} than {self.baseline}; this is {real} ({between})"
            )
        return f"{difference.variant}: no real difference from {self.baseline} ({between})"


_HEADER = {name: name for name in ("variant", "score", "lost", "gap", "to target", "clipped", "spikes", "CPU")}


def _matrix(trials: Sequence[Trial]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.array([trial.errors for trial in sorted(trials, key=lambda trial: trial.seed)], dtype=np.float64)


def _padded(text: str, width: int, column: str) -> str:
    return f"{text:{width}}" if column == "variant" else f"{text:>{width}}"
