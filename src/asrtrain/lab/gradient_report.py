"""A run's gradients in words: how large, where, how often clipped; and what other rules would have done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from asrtrain.clipping import layer_of
from asrtrain.lab.history import NormHistory, Numbers
from asrtrain.lab.what_if import Replay
from asrtrain.training import StepRecord

_SHOWN = 8


@final
@dataclass(frozen=True)
class GradientReport:
    """The steps of a run, their norms, the closing sentence of the run, and replays of other rules by their names."""

    steps: Sequence[StepRecord]
    history: NormHistory
    sentence: str
    what_if: Mapping[str, Replay]

    def to_text(self) -> str:
        """For reading."""
        blocks = [[self.sentence], self._distribution(), self._layers(), self._skipped(), self._replays()]
        return "\n\n".join("\n".join(block) for block in blocks if block)

    def to_json(self) -> dict[str, Any]:
        """Every figure by name."""
        return {
            "summary": self.sentence,
            "steps": len(self.steps),
            "norm": dict(zip(("median", "p90", "p99", "max"), _quantiles(self.history.totals), strict=True)),
            "shares": dict(zip(self.history.names, self.history.shares.tolist(), strict=True)),
            "skipped": dict(self._reasons()),
            "what_if": {
                rule: {"clipped_share": replay.clipped_share, "median_coefficient": _median_coefficient(replay)}
                for rule, replay in self.what_if.items()
            },
        }

    def _distribution(self) -> list[str]:
        rows = {
            "norm before clipping": self.history.totals,
            "norm after clipping": _column(self.steps, "norm_after"),
            "threshold": _column(self.steps, "threshold"),
            "cosine to the raw gradient": _column(self.steps, "cosine"),
            "update by weights": _column(self.steps, "update_ratio"),
        }
        lines = [f"{'':26} {'median':>10} {'90 %':>10} {'99 %':>10} {'largest':>10}"]
        for title, values in rows.items():
            if np.isfinite(values).any():
                lines.append(f"{title:26} " + " ".join(f"{value:10.4g}" for value in _quantiles(values)))
        return lines

    def _layers(self) -> list[str]:
        shares: dict[str, float] = {}
        for name, share in zip(self.history.names, self.history.shares.tolist(), strict=True):
            shares[layer_of(name)] = shares.get(layer_of(name), 0.0) + share
        ordered = sorted(shares.items(), key=lambda item: -item[1])[:_SHOWN]
        width = max(len(name) for name, _ in ordered)
        loudest = Counter(row.largest_at for row in self.steps if row.largest_at).most_common(1)
        told = [f"the largest element was most often in {name} ({count} steps)" for name, count in loudest]
        return ["share of the squared norm", *(f"  {n:{width}}  {100 * share:5.1f} %" for n, share in ordered), *told]

    def _reasons(self) -> Counter[str]:
        return Counter(row.reason for row in self.steps if not row.stepped)

    def _skipped(self) -> list[str]:
        return [f"{count} steps not taken: {reason}" for reason, count in self._reasons().most_common()]

    def _replays(self) -> list[str]:
        if not self.what_if:
            return []
        width = max(len(rule) for rule in self.what_if)
        lines = ["what if (the same gradients through other rules)"]
        for rule, replay in self.what_if.items():
            coefficient = _median_coefficient(replay)
            told = "" if coefficient is None else f", median coefficient {coefficient:.3g}"
            lines.append(f"  {rule:{width}}  clips {100 * replay.clipped_share:5.1f} % of the steps{told}")
        return lines


def _quantiles(values: Numbers) -> list[float]:
    finite = values[np.isfinite(values)]
    return [float(q) for q in np.quantile(finite, [0.5, 0.9, 0.99, 1.0])] if len(finite) else [float("nan")] * 4


def _column(rows: Sequence[StepRecord], key: str) -> Numbers:
    values = [getattr(row, key) for row in rows]
    return np.array([np.nan if value is None else float(value) for value in values])


def _median_coefficient(replay: Replay) -> float | None:
    return float(np.median(replay.coefficients[replay.clipped])) if replay.clipped.any() else None
