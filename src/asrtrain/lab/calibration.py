"""From the gradients of a trial to thresholds, and to the share of steps that each of them would clip."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, final

import numpy as np

from asrtrain.clipping import layer_of, read_rules
from asrtrain.config.writing import inline
from asrtrain.lab.history import NormHistory, Numbers
from asrtrain.lab.measuring import QUANTILES, BatchMeasurement
from asrtrain.lab.what_if import replay
from asrtrain.training.summary import ENOUGH

_SHARES = (0.5, 0.1, 0.01)
"""How many of the steps a fixed threshold may clip: as a habit, now and then, only what sticks out."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A setting of ``clipping:``, the share of steps that it is predicted to clip, and what it is for.

    The share is None where norms alone cannot tell.
    """

    setting: dict[str, Any]
    clipped_share: float | None
    remark: str


@final
@dataclass(frozen=True)
class Calibration:
    """What a trial of some steps found. ``first`` and ``last`` are its first and last batch, looked at closely."""

    history: NormHistory
    first: BatchMeasurement
    last: BatchMeasurement
    proposals: tuple[Proposal, ...]

    @property
    def thresholds(self) -> dict[float, float]:
        """The fixed thresholds that are proposed for the whole gradient, with the share of steps that each clips."""
        return {
            proposal.setting["threshold"]: proposal.clipped_share
            for proposal in self.proposals
            if proposal.setting["name"] == "norm" and proposal.clipped_share is not None
        }

    def to_text(self) -> str:
        """Distribution, layers, utterances, proposals."""
        return "\n".join([*self._norms(), "", *self._layers(), "", *self._utterances(), "", *self._proposed()])

    def to_json(self) -> dict[str, Any]:
        """Every figure by name."""
        return {
            "steps": len(self.history.norms),
            "norms": self.history.totals.tolist(),
            "shares": dict(zip(self.history.names, self.history.shares.tolist(), strict=True)),
            "utterances": {"first": self.first.utterances, "last": self.last.utterances},
            "proposals": [asdict(proposal) for proposal in self.proposals],
        }

    def _norms(self) -> list[str]:
        totals = self.history.totals
        tenth = max(1, len(totals) // 10)
        lines = [f"gradient norm over {len(totals)} steps {'median':>10} {'90 %':>10} {'99 %':>10} {'largest':>10}"]
        for title, part in (("first tenth", totals[:tenth]), ("last tenth", totals[-tenth:]), ("all", totals)):
            finite = part[np.isfinite(part)]
            figures = np.quantile(finite, [0.5, 0.9, 0.99, 1.0]) if len(finite) else [np.nan] * 4
            lines.append(f"{title:>{len(lines[0]) - 44}} " + " ".join(f"{value:10.4g}" for value in figures))
        return lines

    def _layers(self) -> list[str]:
        shares = _by_layer(self.history)
        widest = max(len(name) for name in shares)
        ordered = sorted(shares.items(), key=lambda item: -item[1])
        return ["share of the squared norm", *(f"  {name:{widest}}  {100 * share:5.1f} %" for name, share in ordered)]

    def _utterances(self) -> list[str]:
        norms = self.last.utterances
        middle = float(np.median(list(norms.values())))
        loudest = sorted(norms, key=lambda name: -norms[name])[:3]
        told = ", ".join(f"{name} ({norms[name] / middle:.1f} times the median)" for name in loudest if middle > 0)
        return [f"utterances of the last batch: median norm {middle:.4g}; largest {told}"]

    def _proposed(self) -> list[str]:
        lines = ["proposals: predicted share of steps clipped, and the line for the configuration"]
        for proposal in self.proposals:
            share = "      ?" if proposal.clipped_share is None else f"{100 * proposal.clipped_share:5.1f} %"
            lines.append(f"  {share}  clipping: {inline(proposal.setting)}   # {proposal.remark}")
        if (steps := len(self.history.totals)) < ENOUGH:
            lines.append(f"of {steps} steps only: the shares and thresholds are rough; take --steps {ENOUGH} or more")
        return lines


def propose(history: NormHistory, batches: Sequence[BatchMeasurement]) -> tuple[Proposal, ...]:
    """Thresholds for the rules that most people use, from the norms of a trial and its closely measured batches."""
    finite = history.totals[np.isfinite(history.totals)]
    proposals = [_fixed(history, float(np.quantile(finite, 1 - share)), share) for share in _SHARES]
    proposals.append(_modules(history))
    learned: dict[str, dict[str, Any]] = {
        "a quantile of the last norms": {"name": "dynamic"},
        "what sticks out of the last norms": {"name": "zclip"},
        "twice the median of the last norms": {"name": "median_scale"},
        "acts as normalisation": {"name": "autoclip"},
    }
    proposals += [_replayed(setting, history, remark) for remark, setting in learned.items()]
    elements, ratios = (np.mean([getattr(b, kind) for b in batches], axis=0) for kind in ("elements", "ratios"))
    at = int(np.searchsorted(QUANTILES, 0.999))
    value = {"name": "value", "threshold": _round(float(elements[at]))}
    proposals.append(Proposal(value, None, "touches one element in a thousand"))
    unit = {"name": "agc", "clip_factor": _round(float(ratios[int(np.searchsorted(QUANTILES, 0.9))]))}
    proposals.append(Proposal(unit, None, "touches one unit in ten"))
    return tuple(proposals)


def _fixed(history: NormHistory, threshold: float, share: float) -> Proposal:
    remark = {0.5: "clips as a habit", 0.1: "clips now and then", 0.01: "clips only what sticks out"}[share]
    return _replayed({"name": "norm", "threshold": _round(threshold)}, history, remark)


def _modules(history: NormHistory) -> Proposal:
    """A threshold for every module, which a tenth of its own norms exceed."""
    squares: dict[str, Numbers] = {}
    for name, norms in zip(history.names, history.norms.T, strict=True):
        module = name.rpartition(".")[0]
        squares[module] = squares.get(module, np.zeros(len(norms))) + np.square(norms)
    groups = {
        f"^{re.escape(module)}\\.[^.]+$" if module else "^[^.]+$": _round(float(np.nanquantile(np.sqrt(own), 0.9)))
        for module, own in squares.items()
    }
    return _replayed({"name": "norm_by_group", "groups": groups}, history, "every module by its own norms")


def _replayed(setting: dict[str, Any], history: NormHistory, remark: str) -> Proposal:
    return Proposal(setting, replay(read_rules(setting), history).clipped_share, remark)


def _by_layer(history: NormHistory) -> dict[str, float]:
    shares: dict[str, float] = {}
    for name, share in zip(history.names, history.shares.tolist(), strict=True):
        shares[layer_of(name)] = shares.get(layer_of(name), 0.0) + share
    return shares


def _round(value: float) -> float:
    """Three significant digits: nobody should think that a threshold needs more."""
    return float(f"{value:.3g}")
