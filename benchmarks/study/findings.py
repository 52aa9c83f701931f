"""What the runs come to: numbered rows, one figure each, with intervals where two ways of training are compared."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean, stdev

import numpy as np
import numpy.typing as npt
from scipy import stats

from asrtrain.evaluation.paired import paired_interval
from study.plan import STRATEGIES
from study.training import Run, numbers

Values = npt.NDArray[np.float64]
Cell = Mapping[int, Sequence[Run]]
"""The runs of one way of training, by seed: one each, or one for every speaker left out."""
GUESSED = 0.9
"""Words wrong among ten by guessing, which is what a run gets that left no finite weights behind."""
ALL = "all"


@dataclass(frozen=True)
class Finding:
    """A figure, in per cent, points or counts, and where it is from.

    ``of`` is how many runs, seeds or pairs of model and optimiser it is the mean, or the number, of. low and high are
    the ends of the 95 % interval of a difference, and ``real`` says higher or lower where it is real.
    """

    part: str
    model: str
    optimizer: str
    strategy: str
    figure: str
    value: float
    of: int
    low: float = math.nan
    high: float = math.nan
    real: str = ""
    setting: str = ""
    row: str = ""


def findings(runs: Sequence[Run]) -> list[Finding]:
    """All rows that have a figure, numbered r1, r2, …"""
    parts: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        parts[run.part].append(run)
    words, strings = list(_grid(parts["words"])), list(_grid(parts["strings"]))
    rows = [
        Finding("study", ALL, ALL, ALL, "CPU minutes", sum(run.cpu_seconds for run in runs) / 60, len(runs)),
        *words,
        *_counted(words),
        *_overall(parts["words"]),
        *strings,
        *_counted(strings),
        *_overall(parts["strings"]),
        *_grid(parts["speakers"]),
        *_factors(parts["regularisation"]),
        *_early(parts["vanishing"]),
    ]
    known = [row for row in rows if math.isfinite(row.value)]
    return [replace(row, row=f"r{number}") for number, row in enumerate(known, 1)]


# A way of training, and what it came to


def _cells(runs: Iterable[Run], key: Callable[[Run], tuple[str, ...]]) -> dict[tuple[str, ...], Cell]:
    cells: dict[tuple[str, ...], dict[int, list[Run]]] = defaultdict(lambda: defaultdict(list))
    for run in runs:
        cells[key(run)][run.seed].append(run)
    return dict(cells)


def _by_strategy(run: Run) -> tuple[str, ...]:
    return run.model, run.optimizer, run.strategy


def _errors_of(run: Run) -> list[float]:
    words = numbers(run.words)
    if run.errors:
        return [float(number) for number in numbers(run.errors)]
    return [GUESSED if run.part != "strings" else float(number) for number in words]


def _errors(cell: Cell) -> Values:
    """(S, U): errors in every utterance, by seed."""
    return np.array([[number for run in cell[seed] for number in _errors_of(run)] for seed in sorted(cell)])


def _totals(cell: Cell) -> Values:
    """(U,): words of every utterance."""
    return np.array([number for run in cell[min(cell)] for number in numbers(run.words)], dtype=np.float64)


def _score(part: str, errors: Values, totals: Values) -> float:
    """Accuracy, or the WER of strings, in per cent."""
    rate = 100 * float(errors.sum() / (len(errors) * totals.sum()))
    return rate if part == "strings" else 100 - rate


def _gap(runs: Sequence[Run]) -> float:
    """Test error less training error, in points; nan if a run has no weights to speak of."""
    if any(not run.errors for run in runs):
        return math.nan
    test = sum(sum(numbers(run.errors)) for run in runs) / sum(sum(numbers(run.words)) for run in runs)
    return 100 * (test - sum(run.train_errors for run in runs) / sum(run.train_words for run in runs))


def _mean(values: Iterable[float]) -> tuple[float, int]:
    """The mean of the finite ones, and their number."""
    finite = [value for value in values if math.isfinite(value)]
    return (fmean(finite) if finite else math.nan), len(finite)


# Differences


def _scored(part: str, ours: Values, theirs: Values, totals: Values, family: int) -> tuple[float, float, float, str]:
    """The difference of scores in points with its interval, and whether it is real among ``family`` comparisons."""
    sign = 100.0 if part == "strings" else -100.0
    value = sign * float((ours - theirs).sum() / (len(ours) * totals.sum()))
    low, high = sorted(sign * end for end in paired_interval(ours, theirs, totals))
    strict = sorted(sign * end for end in paired_interval(ours, theirs, totals, level=1 - 0.05 / family))
    return value, low, high, _verdict(*strict)


def _over_seeds(differences: Iterable[float], family: int) -> tuple[float, float, float, str, int]:
    """The same of one number a seed, by Student's t: nan without three seeds that have it."""
    finite = [value for value in differences if math.isfinite(value)]
    if len(finite) < 3:
        return math.nan, math.nan, math.nan, "", len(finite)
    mean, error = fmean(finite), stdev(finite) / math.sqrt(len(finite))
    half, strict = (float(stats.t.ppf(1 - 0.025 / tests, len(finite) - 1)) * error for tests in (1, family))
    return mean, mean - half, mean + half, _verdict(mean - strict, mean + strict), len(finite)


def _verdict(low: float, high: float) -> str:
    return "higher" if low > 0 else "lower" if high < 0 else ""


# Models × optimisers × strategies


def _grid(runs: Sequence[Run]) -> Iterator[Finding]:
    """Every strategy of every model and optimiser, against no clipping with the same seeds."""
    cells = _cells(runs, _by_strategy)
    for (model, optimizer, strategy), cell in cells.items():
        part, flat = runs[0].part, [run for own in cell.values() for run in own]
        place = (part, model, optimizer, strategy)
        family = sum(key[:2] == (model, optimizer) for key in cells) - 1
        yield Finding(*place, "lost", sum(bool(run.lost) for run in flat), len(flat))
        yield Finding(*place, "clipped", 100 * fmean(run.clipped_share for run in flat), len(flat))
        yield Finding(*place, "score", _score(part, _errors(cell), _totals(cell)), len(flat))
        yield Finding(*place, "gap", *_mean(_gap(cell[seed]) for seed in sorted(cell)))
        if strategy == "none":
            continue
        plain = cells[model, optimizer, "none"]
        value, low, high, real = _scored(part, _errors(cell), _errors(plain), _totals(cell), family)
        yield Finding(*place, "difference", value, len(cell), low, high, real)
        gaps = (_gap(cell[seed]) - _gap(plain[seed]) for seed in sorted(cell))
        value, low, high, real, seeds = _over_seeds(gaps, family)
        yield Finding(*place, "gap difference", value, seeds, low, high, real)


def _counted(rows: Sequence[Finding]) -> Iterator[Finding]:
    """In how many pairs of model and optimiser a strategy made a real difference, and which."""
    compared = [row for row in rows if row.figure == "difference"]
    for strategy in dict.fromkeys(row.strategy for row in compared):
        own = [row.real for row in compared if row.strategy == strategy]
        for real in ("higher", "lower", ""):
            name = f"pairs {real or 'without'}"
            yield Finding(compared[0].part, ALL, ALL, strategy, name, own.count(real), len(own))


def _overall(runs: Sequence[Run]) -> Iterator[Finding]:
    """Every strategy over all models and optimisers that it was run with."""
    cells = _cells(runs, _by_strategy)
    used = [name for name in STRATEGIES if any(key[2] == name for key in cells)]
    for model in dict.fromkeys(key[0] for key in cells):
        plain = [run for key, cell in cells.items() if key[0] == model and key[2] == "none" for run in _flat(cell)]
        lost = sum(bool(run.lost) for run in plain)
        yield Finding(runs[0].part, model, ALL, "none", "lost in all", lost, len(plain))
    for strategy in used:
        pairs = [key[:2] for key in cells if key[2] == strategy]
        ours = [cells[*pair, strategy] for pair in pairs]
        theirs = [cells[*pair, "none"] for pair in pairs]
        yield from _totalled((runs[0].part, ALL, ALL, strategy), ours, theirs, len(used) - 1)
    yield from _agreement(runs[0].part if runs else "", cells)


def _flat(cell: Cell) -> list[Run]:
    return [run for own in cell.values() for run in own]


def _totalled(
    place: tuple[str, str, str, str], ours: Sequence[Cell], theirs: Sequence[Cell], family: int
) -> Iterator[Finding]:
    """One strategy against none: over all pairs of model and optimiser, and over those where neither lost a run."""
    runs = [run for cell in ours for run in _flat(cell)]
    yield Finding(*place, "lost in all", sum(bool(run.lost) for run in runs), len(runs))
    if place[-1] == "none":
        return
    yield Finding(*place, "clipped in all", 100 * fmean(run.clipped_share for run in runs), len(runs))
    lost, plain = _lost(ours), _lost(theirs)
    yield Finding(*place, "lost in all, without", float(plain.sum()), plain.size)
    value = 100 * float((lost - plain).mean())
    twins = lost.reshape(1, -1), plain.reshape(1, -1), np.ones(lost.size)
    ends, strict = (paired_interval(*twins, level=1 - 0.05 / tests) for tests in (1, max(1, family)))
    low, high = (100 * end for end in ends)
    yield Finding(*place, "lost difference", value, lost.size, low, high, _verdict(*strict))
    low, high = (100 * end for end in paired_interval(lost, plain, np.ones(len(ours))))
    yield Finding(*place, "lost difference, other pairs", value, len(ours), low, high)
    calm = [number for number in range(len(ours)) if not lost[:, number].any() and not plain[:, number].any()]
    for name, chosen in (("all", list(range(len(ours)))), ("calm", calm)):
        if chosen:
            yield from _averaged(place, name, [ours[n] for n in chosen], [theirs[n] for n in chosen], family)


def _lost(cells: Sequence[Cell]) -> Values:
    """(S, P): 1 for a lost run, by seed and pair of model and optimiser."""
    return np.array([[float(bool(cell[seed][0].lost)) for cell in cells] for seed in sorted(cells[0])])


def _averaged(
    place: tuple[str, str, str, str], name: str, ours: Sequence[Cell], theirs: Sequence[Cell], family: int
) -> Iterator[Finding]:
    """Differences of the mean over pairs of model and optimiser."""
    totals = _totals(ours[0])
    mine, other = (np.mean([_errors(cell) for cell in cells], axis=0) for cells in (ours, theirs))
    value, low, high, real = _scored(place[0], mine, other, totals, family)
    yield Finding(*place, f"difference in {name}", value, len(ours), low, high, real)
    gaps = [
        _mean(_gap(own[seed]) - _gap(plain[seed]) for own, plain in zip(ours, theirs, strict=True))[0]
        for seed in sorted(ours[0])
    ]
    value, low, high, real, _ = _over_seeds(gaps, family)
    yield Finding(*place, f"gap difference in {name}", value, len(ours), low, high, real)


def _agreement(part: str, cells: Mapping[tuple[str, ...], Cell]) -> Iterator[Finding]:
    """Whether strategies come in the same order with one optimiser as with another: Spearman's rank correlation."""
    scores = {key: _score(part, _errors(cell), _totals(cell)) for key, cell in cells.items()}
    complete = [name for name in STRATEGIES if all((*key[:2], name) in scores for key in scores)]
    means = {
        optimizer: [fmean(score for key, score in scores.items() if key[1:] == (optimizer, name)) for name in complete]
        for optimizer in dict.fromkeys(key[1] for key in scores)
    }
    for first, second in combinations(means, 2):
        if len(complete) > 2:
            value = float(stats.spearmanr(means[first], means[second]).statistic)
            yield Finding(part, ALL, f"{first}, {second}", ALL, "rank correlation", value, len(complete))


# Clipping, dropout, weight decay, schedule


FACTORS: Mapping[str, Callable[[Run], bool]] = {
    "clipping": lambda run: run.strategy != "none",
    "dropout": lambda run: run.dropout > 0,
    "weight decay": lambda run: run.weight_decay > 0,
    "one_cycle": lambda run: run.schedule != "constant",
}


def _setting(run: Run) -> str:
    """``clipping, dropout``: what is switched on."""
    return ", ".join(name for name, on in FACTORS.items() if on(run)) or "nothing"


def _factors(runs: Sequence[Run]) -> Iterator[Finding]:
    """Every combination; every factor's effect over all settings of the others, and that of clipping beside each."""
    for model in dict.fromkeys(run.model for run in runs):
        own = [run for run in runs if run.model == model]
        place = ("regularisation", model, "AdamW", "norm")
        for (setting,), cell in _cells(own, lambda run: (_setting(run),)).items():
            flat = _flat(cell)
            yield Finding(*place, "lost", sum(bool(run.lost) for run in flat), len(flat), setting=setting)
            score = _score("regularisation", _errors(cell), _totals(cell))
            yield Finding(*place, "score", score, len(flat), setting=setting)
            yield Finding(*place, "gap", *_mean(_gap([run]) for run in flat), setting=setting)
        varied = [name for name, on in FACTORS.items() if len({on(run) for run in own}) == 2]
        for name in varied:
            yield from _effect(place, own, name, name, len(varied))
        for beside in varied[1:]:
            chosen = [run for run in own if FACTORS[beside](run)]
            yield from _effect(place, chosen, "clipping", f"clipping beside {beside}", len(varied) - 1)


def _effect(
    place: tuple[str, str, str, str], runs: Sequence[Run], factor: str, setting: str, family: int
) -> Iterator[Finding]:
    on, off = (
        _cells((run for run in runs if FACTORS[factor](run) == switched), lambda run: ())[()]
        for switched in (True, False)
    )
    totals = np.array(numbers(runs[0].words), dtype=np.float64)
    ours, theirs = (
        np.array([np.mean([_errors_of(run) for run in cell[seed]], axis=0) for seed in sorted(cell)])
        for cell in (on, off)
    )
    value, low, high, real = _scored(place[0], ours, theirs, totals, family)
    yield Finding(*place, "effect on accuracy", value, len(runs), low, high, real, setting)
    gaps = [_mean(_gap([r]) for r in on[s])[0] - _mean(_gap([r]) for r in off[s])[0] for s in sorted(on)]
    value, low, high, real, _ = _over_seeds(gaps, family)
    yield Finding(*place, "effect on gap", value, len(runs), low, high, real, setting)


# Vanishing gradients


def _early(runs: Sequence[Run]) -> Iterator[Finding]:
    """What early frames have of the gradient, before and after training with every strategy."""
    cells = _cells(runs, _by_strategy)
    family = sum(key[2] != "none" for key in cells)
    for (model, optimizer, strategy), cell in cells.items():
        flat, place = [cell[seed][0] for seed in sorted(cell)], ("vanishing", model, optimizer, strategy)
        yield Finding(*place, "score", _score("vanishing", _errors(cell), _totals(cell)), len(flat))
        yield Finding(*place, "early share before", *_mean(100 * run.early_before for run in flat))
        yield Finding(*place, "early share", *_mean(100 * run.early_after for run in flat))
        yield Finding(*place, "decades before", *_mean(run.decades_before for run in flat))
        yield Finding(*place, "decades", *_mean(run.decades_after for run in flat))
        if strategy != "none":
            plain = [cells[model, optimizer, "none"][seed][0] for seed in sorted(cell)]
            gains = (100 * (own.early_after - other.early_after) for own, other in zip(flat, plain, strict=True))
            value, low, high, real, seeds = _over_seeds(gains, family)
            yield Finding(*place, "early share difference", value, seeds, low, high, real)
