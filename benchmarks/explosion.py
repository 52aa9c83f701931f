"""Exploding gradients on real speech: which clipping rules keep ``configs/explosion.yaml`` alive, and how good it gets.

A run is lost if a loss or a gradient is not finite, at which ``asrtrain fit`` ends with exit code 4 and leaves no
recogniser behind (it counts with the accuracy of guessing), or if its recogniser is no better than guessing: within two
standard errors of 10 %, 13.5 % on 300 recordings.

``--quick`` trains ten seeds without clipping, with the norm limited to 0.1 and with AGC at 0.01. Without it every rule
of the table runs, five seeds at each of three learning rates, and ``--output docs/explosion.md`` writes the page;
``--kept FILE`` keeps all runs and repeats none, so that a new rule costs its own runs alone. All runs are made in
one process from the trainer's own parts; features are computed once.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import torch
from command_line import options_of
from scipy import stats

from asrtrain.assembly import (
    build_dataset,
    build_system,
    build_vocabulary,
    cache_folder,
    ordered_loader,
    training_loader,
    with_cached_features,
)
from asrtrain.clipping import CLIPPERS, assemble_clipper
from asrtrain.config import load_config
from asrtrain.config.writing import inline
from asrtrain.optim import parameter_groups
from asrtrain.run_config import RunConfig
from asrtrain.training import Ingredients, Validation, World
from asrtrain.training.report import StepReport
from asrtrain.training.step import Updater

ROOT = Path(__file__).resolve().parent.parent
CONFIG = ROOT / "configs" / "explosion.yaml"
CPU = torch.device("cpu")
DIGITS = 10
RATES = (0.03, 0.1, 0.3)
Rule = dict[str, Any]
"""A clipping rule as it is written in a configuration."""
SHOWN: tuple[Rule, ...] = (
    {"name": "none"},
    {"name": "norm", "threshold": 0.1},
    {"name": "agc", "clip_factor": 0.01},
)
"""The demonstration: nothing, and two rules that save every run."""
SETTINGS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "value": [{"threshold": 0.01}],
    "norm": [{"threshold": 0.1}],
    "norm_by_group": [{"groups": {"^head": 0.1, "^(?!head)": 0.1}}],
    "fixed": [{"threshold": 0.1}],
    "random": [{"threshold": {"low": 0.05, "high": 0.2}}],
    "layer": [{"threshold": 0.1}],
    "smooth_norm": [{"threshold": 0.1}],
    "soft_value": [{"threshold": 0.01}],
    "block_rms": [{"threshold": 0.001}],
    "normalize": [{"threshold": 0.1}],
    "sign": [{"threshold": 0.003}],
    "truncate": [
        {"of": "small", "threshold": 0.001},
        {"of": "topk", "keep": 0.1},
        {"of": "bptt", "frames": 20},
    ],
    "noise": [{"eta": 1e-6}],
    "max_change": [{"per_layer": 0.05, "total": 0.1}],
    "per_utterance": [{"threshold": 0.1}],
    "recurrent_clip": [{"threshold": 1.0}],
    "recurrent_zero": [{"threshold": 1.0}],
}
"""What a rule is given where its defaults do not suit this model, once for each of its kinds."""


@dataclass(frozen=True)
class Run:
    """What came of one rule with one learning rate and one seed. why is empty unless the run was lost."""

    settings: str
    lr: float
    seed: int
    accuracy: float
    why: str
    steps: int
    clipped_share: float
    cpu_seconds: float


@final
class Speech:
    """The recordings of the configuration, with their features, for all runs."""

    def __init__(self) -> None:
        config = load_config(CONFIG, RunConfig)
        splits = config.data.load(cache_folder())
        self.vocabulary = build_vocabulary(config, splits)
        system = build_system(config, self.vocabulary, CPU)
        self.train, self.test = build_dataset(system, splits.train), build_dataset(system, splits.test)
        self.test = with_cached_features(system, self.test)
        self.said = {utterance.id: utterance.text for utterance in splits.test}

    def run(self, rule: Rule, lr: float, seed: int) -> Run:
        """Train once, as ``fit`` does, and score the last weights on the test data."""
        began, settings = time.process_time(), inline(rule)
        overrides = [f"seed={seed}", f"optimizer.lr={lr}", f"clipping={settings}"]
        config = load_config(CONFIG, RunConfig, overrides)
        system = build_system(config, self.vocabulary, CPU)
        batches = training_loader(system, self.train, World())
        ingredients = Ingredients(
            front_end=system.front_end,
            model=system.model,
            optimizer=config.optimizer.build(parameter_groups(system.model.named_parameters())),
            schedule=config.schedule.build(
                batches.batches_per_epoch, config.training.max_epochs, config.training.max_steps
            ),
            clipper=assemble_clipper(config.clipping, seed),
            batches=batches,
            validate=lambda model: Validation(math.nan, math.nan, "accuracy", higher_is_better=True),
        )
        losses, acted, why = train(ingredients, config)
        accuracy = 1 / DIGITS
        if not why:
            heard = system.recognise(ordered_loader(system, self.test))
            accuracy = statistics.fmean(heard[name].text == text for name, text in self.said.items())
            why = "guessing" if accuracy <= _guessing(len(self.said)) else ""
        seconds, clipped_share = time.process_time() - began, sum(acted) / len(losses)
        return Run(settings, lr, seed, accuracy, why, len(losses), clipped_share, seconds)


def train(ingredients: Ingredients, config: RunConfig) -> tuple[list[float], list[bool], str]:
    """The losses of all steps, at which of them clipping acted, and what was not finite, if anything was."""
    update = Updater(ingredients, config.training, CPU, decides=True)
    losses: list[float] = []
    acted: list[bool] = []
    ingredients.model.train()
    for epoch in range(config.training.max_epochs):
        for batch in ingredients.batches.epoch(epoch):
            report = update([batch])
            losses.append(float(report.loss))
            if report.fault is not None:
                return losses, acted, report.fault.kind
            acted.append(_has_acted(report))
    return losses, acted, ""


def _has_acted(report: StepReport) -> bool:
    """Whether a rule changed the gradient or the update, or skipped the step."""
    changed = (report.clip is not None and bool(report.clip.clipped)) or report.reason == "spike"
    return changed or (report.update is not None and bool(report.update.clipped))


def _guessing(recordings: int) -> float:
    """The accuracy up to which a recogniser may be guessing: two standard errors above chance."""
    chance = 1 / DIGITS
    return chance + 2 * math.sqrt(chance * (1 - chance) / recordings)


@final
class Kept:
    """A file of runs, a line each: what is in it is not run again."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path is not None and path.exists() else []
        self._runs = {(run.settings, run.lr, run.seed): run for run in (Run(**json.loads(line)) for line in lines)}

    def run(self, speech: Speech, rule: Rule, lr: float, seed: int) -> Run:
        """Make the run, or find it made."""
        known = self._runs.get((inline(rule), lr, seed))
        if known is not None:
            return known
        run = speech.run(rule, lr, seed)
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(run)) + "\n")
        return run


def trials() -> dict[str, Rule]:
    """A sensible setting of every rule, by a short name: ours, else its defaults, else the first of its examples.

    Of a rule with several names the first counts.
    """
    found: dict[str, Rule] = {}
    for config in dict.fromkeys(CLIPPERS.values()):
        name = next(name for name, other in CLIPPERS.items() if other is config)
        required = any(field.is_required() for field in config.model_fields.values())
        for settings in SETTINGS.get(name, [config.examples[0] if required else {}]):
            found[f"{name} {settings['of']}" if "of" in settings else name] = {"name": name, **settings}
    return found


def interval(values: Sequence[float]) -> float:
    """Half the width of the 95 % interval of the mean (Student's t)."""
    if len(values) < 2:
        return math.nan
    return float(stats.t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values)))


def mean(runs: Iterable[Run]) -> float:
    return statistics.fmean(run.accuracy for run in runs)


def cell(runs: Sequence[Run]) -> str:
    """``69.4 ± 4.8, 0 lost, 97 % clipped``."""
    accuracies = [100 * run.accuracy for run in runs]
    lost, clipped = sum(bool(run.why) for run in runs), statistics.fmean(run.clipped_share for run in runs)
    return f"{statistics.fmean(accuracies):.1f} ± {interval(accuracies):.1f}, {lost} lost, {100 * clipped:.0f} %"


def ranks(means: Mapping[str, float]) -> dict[str, int]:
    """The place of every rule, 1 for the best; equals share the better place."""
    return {name: 1 + sum(other > own for other in means.values()) for name, own in means.items()}


INTRODUCTION = """\
# Every clipping rule where gradients explode

Written by `benchmarks/explosion.py --output docs/explosion.md`: {rules} settings of rules × {rates} learning rates ×
{seeds} seeds of [configs/explosion.yaml](../configs/explosion.yaml) on the Free Spoken Digit Dataset, {seconds:.0f} CPU
seconds.

A cell holds the accuracy on the 300 test recordings in per cent (mean over seeds, ± half of the 95 % interval by
Student's t), how many seeds were lost, and the share of steps at which the rule acted. A run is lost if a loss or
gradient is not finite (exit code 4; it counts with 10 %, the accuracy of guessing), or if it ends no better than
guessing: within two standard errors of it, 13.5 %.

**Do not read a ranking of rules out of one column.** A rule that acts at nearly every step sets the length of the
steps, so a column compares step sizes as much as rules. The columns on the right show it: the place of each rule at
every learning rate, and at its own best one (of three, as the test data have it). Accuracies at {low} and at {high}
have a rank correlation (Spearman) of {correlation:.2f} over rules. Nor were thresholds tuned: another threshold is
another step size. What the table does show is which rules widen the range of learning rates at which training survives
at all. `centralize` and `noise` limit nothing: they are stages to put before a rule that does.

"""


def page(runs: Sequence[Run], settings: Mapping[str, Rule], without: Sequence[str]) -> str:
    """The page docs/explosion.md."""
    at = {
        (name, lr): [run for run in runs if run.settings == inline(rule) and run.lr == lr]
        for name, rule in settings.items()
        for lr in RATES
    }
    means = {lr: {name: mean(at[name, lr]) for name in settings} for lr in RATES}
    best = {name: max(means[lr][name] for lr in RATES) for name in settings}
    worst = {name: min(means[lr][name] for lr in RATES) for name in settings}
    places = [ranks(column) for column in (*means.values(), best)]
    low, high = RATES[0], RATES[-1]
    introduction = INTRODUCTION.format(
        rules=len(settings),
        rates=len(RATES),
        seeds=len({run.seed for run in runs}),
        seconds=sum(run.cpu_seconds for run in runs),
        low=low,
        high=high,
        correlation=stats.spearmanr([means[low][n] for n in settings], [means[high][n] for n in settings]).statistic,
    )
    rates = " | ".join(f"lr {lr}" for lr in RATES)
    lines = [f"| rule | {rates} | best | worst | places | at its best |", "|---" * (len(RATES) + 5) + "|"]
    for name in sorted(settings, key=lambda name: -best[name]):
        cells = [
            f"`{name}`",
            *(cell(at[name, lr]) for lr in RATES),
            f"{100 * best[name]:.1f}",
            f"{100 * worst[name]:.1f}",
        ]
        cells += [", ".join(str(column[name]) for column in places[:-1]), str(places[-1][name])]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "What each was given:", "", *(f"- `{inline(rule)}`" for rule in settings.values())]
    lines += ["", *(f"Left out: `{name}`, whose cost is {CLIPPERS[name].cost}." for name in without)]
    return introduction + "\n".join(lines).rstrip() + "\n"


def demonstration(speech: Speech, kept: Kept, seeds: int) -> list[Run]:
    """Ten runs without clipping and twenty with it, at the largest learning rate, which is the configuration's own."""
    return [kept.run(speech, rule, RATES[-1], seed) for rule in SHOWN for seed in range(seeds)]


def every_rule(speech: Speech, kept: Kept, seeds: int, settings: Mapping[str, Rule]) -> list[Run]:
    """Seed after seed, so that what is kept of a stopped benchmark is of all rules."""
    runs = []
    for seed in range(seeds):
        for name, rule in settings.items():
            for lr in RATES:
                run = kept.run(speech, rule, lr, seed)
                print(f"{seed} {name:18} {lr:<4} {100 * run.accuracy:5.1f} {run.why}", file=sys.stderr, flush=True)
                runs.append(run)
    return runs


def summary(runs: Sequence[Run], seconds: float) -> str:
    lines = [f"{'lost':>7}  {'rule':32}  accuracy of the others %"]
    for rule in dict.fromkeys(run.settings for run in runs):
        own = [run for run in runs if run.settings == rule]
        alive = [f"{100 * run.accuracy:.1f}" for run in own if not run.why]
        lines.append(f"{sum(bool(run.why) for run in own):>3}/{len(own):<3}  {rule:32}  {' '.join(alive)}".rstrip())
    return "\n".join([*lines, f"{len(runs)} runs, {seconds:.1f} CPU seconds with imports and features"])


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--kept", type=Path)
    parser.add_argument("--without", choices=CLIPPERS, action="append", default=[], help="leave out a slow rule")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    settings, kept = trials(), Kept(options.kept)
    settings = {name: rule for name, rule in settings.items() if rule["name"] not in options.without}
    with tempfile.TemporaryDirectory() as cache:
        os.environ["ASRTRAIN_CACHE"] = cache  # every call computes the features, once
        speech = Speech()
        if options.quick:
            runs = demonstration(speech, kept, options.seeds or 10)
        else:
            runs = every_rule(speech, kept, options.seeds or 5, settings)
    seconds = time.process_time()
    if options.format == "json":
        print(json.dumps({"cpu_seconds": seconds, "runs": [asdict(run) for run in runs]}))
    elif options.quick:
        print(summary(runs, seconds))
    elif options.output is None:
        print(page(runs, settings, options.without), end="")
    else:
        options.output.write_text(page(runs, settings, options.without), encoding="utf-8")


if __name__ == "__main__":
    main()
