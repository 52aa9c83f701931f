"""The page docs/study.md, written from the findings alone: every figure in a sentence is followed by its row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import final

from asrtrain.config.writing import inline
from study.findings import ALL, FACTORS, Finding
from study.plan import MODELS, OPTIMISERS, RATES, STRATEGIES

INTRODUCTION = """\
# What clipping does, and what it does not do

Written by `python benchmarks/study.py` from the rows of [study.csv](study.csv), which come of the runs of
[study_runs.csv](study_runs.csv), one a line with the errors in every test utterance. A reference such as \\[r12\\]
names the row that the figures before it are from.

- A run is **lost** if a loss or gradient is not finite, or if the training loss of its last epoch (the median over
  steps) is no better than chance on words (ln 10), or than the first step's on strings. A run without finite weights
  counts with the accuracy of guessing (10 %), or with a WER of 100 %.
- **A difference** is that from no clipping with the same seeds, batches and test utterances. Its 95 % interval, in
  brackets, takes both the seeds and the utterances as drawn at random (`asrtrain.evaluation.paired`; its coverage is
  measured by `benchmarks/coverage_of_intervals.py`); for shares of lost runs what is drawn are twins, that is a run and
  the one without clipping and with the same seed. (That way was chosen after a first look at the results: drawing
  models and optimisers too would speak of others as well. Both are printed.) Figures that exist
  once a seed (gaps, shares of gradients) have the interval of Student's t over the paired seeds. With so few seeds all
  are rough. All intervals are about these models and optimisers, and say nothing of others.
- A difference is called **real** if an interval that allows for the number of strategies compared beside it
  (Bonferroni) excludes zero; "no real difference" does not say that there is none. Over the whole page some of the
  many comparisons may still look real by chance.
- **The gap** is the test error less the training error, at the end of training.
- **Do not read a ranking of strategies out of this page.** A strategy that acts at nearly every step sets the length of
  the steps, so strategies differ in step size as much as in kind; none was tuned, each has one setting for all models,
  and each model and optimiser has one learning rate. Another threshold or rate is another ranking: see
  `benchmarks/explosion.py`, which sweeps learning rates.

"""

PLAN = """\
## What was run

Words: the Free Spoken Digit Dataset, official split, four epochs ([words.yaml](../benchmarks/study/words.yaml)).
Strings: two to four digits of one speaker, CTC, five epochs ([strings.yaml](../benchmarks/study/strings.yaml)). All
strategies, sizes and rates were fixed beforehand in [plan.py](../benchmarks/study/plan.py); learning rates are constant
but where a schedule is named.
"""

GAP = """\
The gap between test and training, where neither side lost a run. A smaller gap is no merit where the training data are
learnt less well too.
"""

VANISHING = """\
## Do gradients vanish less?

Scaling a gradient by one number, as limiting its norm does, leaves the ratio between what comes from early and from
late frames as it is. The question that is left is whether the network that training with clipping leads to hands on
more. Measured is ‖∂L/∂x_t‖ without any clipping, every test utterance by itself: the share that the first half of its
frames has (a half if nothing vanishes), and by how many powers of ten the first tenth's mean exceeds the last tenth's
(the median over utterances). The tanh network begins with a recurrent matrix of gain 0.8 and is scored at its last
frame, as the LSTM is.
"""

REGULARISATION = """\
## Does it regularise?

Every combination of clipping (norm), dropout 0.3, weight decay 0.1 (AdamW) and a one-cycle schedule, six epochs. An
effect is the mean difference over all settings of the others, and beside another over those that have it.
"""

LEFT_OUT = """\
## What was left out

Small models and few epochs, far from the best that these data allow (see the README's figures). One setting of each
strategy. One learning rate for each model and optimiser, which was set before the study from a coarse ladder and two
other seeds (100 and 101): for the recurrent models near the largest at which unclipped training still went through in
part. Test accuracies were seen then; of the strategies, none and the norm were tried. For CNN and MLP rates were tried
with SGD, of the CNN in a wider form, and set by analogy with the others.
Of the strategies, the newer ones (AGC, AutoClip's
relatives, ZClip, limits on updates: `benchmarks/explosion.py` has them). Bidirectional and GRU models, residual
networks, transformers; larger data and larger batches; half precision; schedules in the large grid; connected digits of
new speakers; truncated backpropagation on connected digits; dropout and weight decay at more than one strength.
Leaving speakers out was done for two models, one optimiser and one strategy.
"""


@final
class Page:
    """Looks rows up and writes them down."""

    def __init__(self, rows: Sequence[Finding]) -> None:
        self._rows = rows

    def text(self) -> str:
        return INTRODUCTION + "\n".join(self._lines()) + "\n\n" + LEFT_OUT

    def _lines(self) -> Iterator[str]:
        yield from self._short()
        yield from self._plan()
        yield from self._survival()
        yield from self._accuracy()
        yield from self._strings()
        yield from self._generalisation()
        yield from self._vanishing()
        yield from self._regularisation()

    # Looking up

    def _those(self, part: str, figure: str, **wanted: str) -> list[Finding]:
        return [
            row
            for row in self._rows
            if row.part == part
            and row.figure == figure
            and all(getattr(row, name) == value for name, value in wanted.items())
        ]

    def _one(self, part: str, figure: str, **wanted: str) -> Finding | None:
        return next(iter(self._those(part, figure, **wanted)), None)

    def _strategies(self, part: str) -> list[str]:
        own = {row.strategy for row in self._rows if row.part == part and row.model != ALL}
        return [name for name in STRATEGIES if name in own]

    def _pairs(self, part: str) -> list[tuple[str, str]]:
        return list(dict.fromkeys((row.model, row.optimizer) for row in self._those(part, "score")))

    def _across(self, part: str, figure: str, model: str, optimizer: str) -> list[Finding | None]:
        """One figure of every strategy."""
        place = {"model": model, "optimizer": optimizer}
        return [self._one(part, figure, strategy=name, **place) for name in self._strategies(part)]

    # Sections

    def _short(self) -> Iterator[str]:
        """The answers, without their figures, which the rows have and the sections below repeat."""
        yield "## In short, against no clipping\n"
        topics = {
            "Share of lost runs": self._those("words", "lost difference"),
            "Accuracy on words, lost runs counted": self._those("words", "difference in all"),
            "Accuracy on words where nothing was lost either way": self._those("words", "difference in calm"),
            "Word error rate of connected digits, lost runs counted": self._those("strings", "difference in all"),
            "Gap between test and training on words, where nothing was lost either way": self._those(
                "words", "gap difference in calm"
            ),
            "Accuracy on new speakers": self._those("speakers", "difference"),
            "Share of the gradient that early frames have after training": self._those(
                "vanishing", "early share difference"
            ),
            "Gap, with clipping among regularisers": self._those("regularisation", "effect on gap"),
        }
        for topic, rows in topics.items():
            if rows:
                yield f"- {topic}: {'; '.join(_grouped(rows))}."
        yield ""

    def _plan(self) -> Iterator[str]:
        cost = self._one("study", "CPU minutes")
        assert cost is not None
        yield PLAN
        yield f"That came to {cost.of} runs and {cost.value:.1f} CPU minutes [{cost.row}].\n"
        yield from _table(
            ["strategy", "setting, the same for all models"],
            ([name, f"`{inline(STRATEGIES[name])}`"] for name in self._strategies("words")),
        )
        yield from _table(
            ["model", "setting", *(f"rate with {name}" for name in RATES["words"])],
            (
                [name, f"`{inline(MODELS[name])}`", *(str(rates[name]) for rates in RATES["words"].values())]
                for name in dict.fromkeys(model for model, _ in self._pairs("words"))
            ),
        )
        used = dict.fromkeys(optimizer for _, optimizer in self._pairs("words"))
        yield "Optimisers: " + ", ".join(f"`{inline(OPTIMISERS[name])}`" for name in used) + ".\n"

    def _rates(self, part: str) -> str:
        """``Learning rates: 0.03 (RNN, SGD), …``."""
        rates = (f"{RATES[part][optimizer][model]} ({model}, {optimizer})" for model, optimizer in self._pairs(part))
        return f"Learning rates: {', '.join(rates)}.\n"

    def _survival(self) -> Iterator[str]:
        part = "words"
        yield "## Does training survive?\n"
        for row in self._those(part, "lost in all", strategy="none"):
            if row.model != ALL:
                yield f"- Unclipped, the {row.model} loses {_count(row, 'runs')}."
        yield ""
        yield from self._lost(part)
        yield from self._lost_table(part)

    def _lost(self, part: str) -> Iterator[str]:
        for difference in self._those(part, "lost difference"):
            name = difference.strategy
            own = self._one(part, "lost in all", strategy=name)
            other = self._one(part, "lost in all, without", strategy=name)
            wider = self._one(part, "lost difference, other pairs", strategy=name)
            assert own is not None
            assert other is not None
            assert wider is not None
            told = {"lower": "fewer runs are lost", "higher": "more runs are lost", "": "no real difference"}
            yield (
                f"- **{name}** loses {_count(own, 'runs')}, its unclipped twins {_count(other)}: "
                f"{told[difference.real]}, {_change(difference)}; {_ends(wider)} with other models and optimisers."
            )
        yield ""

    def _lost_table(self, part: str) -> Iterator[str]:
        strategies = self._strategies(part)
        yield "Runs lost; the rows are those of the first and the last figure:\n"
        yield from _table(
            ["model", "optimiser", *strategies, "rows"],
            (
                [model, optimizer, *(_plain_count(row) for row in own), _range(own)]
                for model, optimizer in self._pairs(part)
                for own in [self._across(part, "lost", model, optimizer)]
            ),
        )

    def _accuracy(self) -> Iterator[str]:
        part = "words"
        yield "## Is it better in the end?\n"
        yield "Test accuracy, in points, the mean over models and optimisers; lost runs count.\n"
        yield from self._averages(part, "difference in all")
        yield "The same over those models and optimisers only of which neither side lost a run:\n"
        yield from self._averages(part, "difference in calm")
        yield "One model and optimiser at a time:\n"
        yield from self._counts(part)
        yield "How much of this is the length of steps? Steps changed, and whether rankings carry over:\n"
        for row in self._those(part, "clipped in all"):
            yield f"- **{row.strategy}** acts at {_per_cent(row)} of steps."
        yield from self._agreement(part)
        yield ""
        yield "![Differences of accuracy by strategy, model and optimiser](study_differences.png)\n"
        yield from self._score_table(part, "Test accuracy in %")

    def _averages(self, part: str, figure: str, *, less_is_better: bool = False) -> Iterator[str]:
        rows = self._those(part, figure)
        for row in rows:
            yield f"- **{row.strategy}**: {_verdict(row, less_is_better=less_is_better)}, {_change(row)}."
        if not rows:
            yield "- There is none."
        yield ""

    def _counts(self, part: str, *, less_is_better: bool = False) -> Iterator[str]:
        better, worse = ("lower", "higher") if less_is_better else ("higher", "lower")
        for row in self._those(part, f"pairs {better}"):
            bad = self._one(part, f"pairs {worse}", strategy=row.strategy)
            none = self._one(part, "pairs without", strategy=row.strategy)
            assert bad is not None
            assert none is not None
            yield (
                f"- **{row.strategy}**: really better in {_count(row, 'pairs')}, really worse in {_count(bad)}, "
                f"no real difference in {_count(none)}."
            )
        yield ""

    def _agreement(self, part: str) -> Iterator[str]:
        for row in self._those(part, "rank correlation"):
            kind = "agree" if row.value > 0.7 else "agree in part" if row.value > 0.3 else "do not agree"
            yield (
                f"- The rankings of strategies by mean accuracy under {row.optimizer.replace(', ', ' and ')} {kind}: "
                f"rank correlation {row.value:+.2f} [{row.row}]."
            )

    def _score_table(self, part: str, title: str) -> Iterator[str]:
        strategies = self._strategies(part)
        yield f"{title}; ↑ and ↓ mark real differences from no clipping:\n"
        yield from _table(
            ["model", "optimiser", *strategies, "rows"],
            (
                [model, optimizer, *(self._marked(row) for row in own), _range(own)]
                for model, optimizer in self._pairs(part)
                for own in [
                    [self._one(part, "score", model=model, optimizer=optimizer, strategy=s) for s in strategies]
                ]
            ),
        )

    def _marked(self, row: Finding | None) -> str:
        if row is None:
            return "–"
        difference = self._one(row.part, "difference", model=row.model, optimizer=row.optimizer, strategy=row.strategy)
        mark = {"higher": " ↑", "lower": " ↓"}.get(difference.real if difference else "", "")
        return f"{row.value:.1f}{mark}"

    def _strings(self) -> Iterator[str]:
        part = "strings"
        yield "## Connected digits\n"
        yield self._rates(part)
        yield "Runs lost:\n"
        yield from self._lost(part)
        yield "Word error rate, in points, the mean over models and optimisers; lost runs count with 100 %:\n"
        yield from self._averages(part, "difference in all", less_is_better=True)
        yield "Where neither side lost a run:\n"
        yield from self._averages(part, "difference in calm", less_is_better=True)
        yield from self._counts(part, less_is_better=True)
        yield from self._lost_table(part)
        yield from self._score_table(part, "WER in %")

    def _generalisation(self) -> Iterator[str]:
        yield "## Does it generalise better?\n"
        yield GAP
        yield from self._averages("words", "gap difference in calm", less_is_better=True)
        part = "speakers"
        yield f"Speakers whom training never heard, each left out in turn. {self._rates(part)}"
        for model, optimizer in self._pairs(part):
            for strategy in self._strategies(part):
                place = {"model": model, "optimizer": optimizer, "strategy": strategy}
                yield f"- {model}, {optimizer}, **{strategy}**: {self._new_speakers(place)}."
        yield ""

    def _new_speakers(self, place: dict[str, str]) -> str:
        part = "speakers"
        lost, score, gap = (self._one(part, figure, **place) for figure in ("lost", "score", "gap"))
        assert lost is not None
        assert score is not None
        said = [f"accuracy {_per_cent(score)}", f"{_count(lost, 'runs')} lost"]
        if gap is not None:
            said.append(f"gap {_points(gap)}")
        for figure, name in (("difference", "accuracy"), ("gap difference", "gap")):
            row = self._one(part, figure, **place)
            if row is not None:
                said.append(f"{_verdict(row, what=name)}, {_change(row)}")
        return "; ".join(said)

    def _vanishing(self) -> Iterator[str]:
        part = "vanishing"
        yield VANISHING
        yield self._rates(part)
        for model, optimizer in self._pairs(part):
            before = self._one(part, "early share before", model=model)
            decades = self._one(part, "decades before", model=model)
            assert before is not None
            assert decades is not None
            yield (
                f"- {model}, {optimizer}, before training: the first half has {_per_cent(before)} of the gradient; "
                f"{decades.value:+.1f} powers of ten [{decades.row}]."
            )
            for strategy in self._strategies(part):
                place = {"model": model, "strategy": strategy}
                if self._one(part, "score", **place) is not None:
                    yield f"- {model}, trained with **{strategy}**: {self._handed_on(place)}."
        yield ""
        yield "![What early frames have of the gradient](study_vanishing.png)\n"

    def _handed_on(self, place: dict[str, str]) -> str:
        part = "vanishing"
        said = []
        share, decades = self._one(part, "early share", **place), self._one(part, "decades", **place)
        if share is not None and decades is not None:
            said += [f"{_per_cent(share)}", f"{decades.value:+.1f} powers of ten [{decades.row}]"]
        score, change = self._one(part, "score", **place), self._one(part, "early share difference", **place)
        assert score is not None
        said.append(f"accuracy {_per_cent(score)}")
        if change is not None:
            said.append(f"{_verdict(change, what='share')}, {_change(change)}")
        return "; ".join(said)

    def _regularisation(self) -> Iterator[str]:
        part = "regularisation"
        yield REGULARISATION
        yield self._rates(part)
        for model in dict.fromkeys(model for model, _ in self._pairs(part)):
            for row in self._those(part, "effect on accuracy", model=model):
                gap = self._one(part, "effect on gap", model=model, setting=row.setting)
                told = f"{_verdict(row, what='accuracy')}, {_change(row)}"
                if gap is not None:
                    told += f"; {_verdict(gap, what='gap')}, {_change(gap)}"
                yield f"- {model}, **{row.setting}**: {told}."
        yield ""
        yield "![Effects of clipping, dropout, weight decay and schedule](study_regularisation.png)\n"
        yield from _table(
            ["model", *FACTORS, "lost", "accuracy %", "gap", "rows"],
            (self._combination(row) for row in self._those(part, "score")),
        )

    def _combination(self, score: Finding) -> list[str]:
        place = {"model": score.model, "setting": score.setting}
        lost, gap = self._one(score.part, "lost", **place), self._one(score.part, "gap", **place)
        switched = score.setting.split(", ")
        on = ["yes" if name in switched else "" for name in FACTORS]
        figures = [_plain_count(lost), f"{score.value:.1f}", "–" if gap is None else f"{gap.value:.1f}"]
        return [score.model, *on, *figures, _range([lost, score, gap])]


# Figures


def _grouped(rows: Sequence[Finding]) -> Iterator[str]:
    """``higher with norm [r1], layer [r2]``, ``no real difference with value [r3]``."""
    several = len({row.model for row in rows}) > 1
    for real, said in (("higher", "higher with"), ("lower", "lower with"), ("", "no real difference with")):
        names = [
            f"{row.setting or row.strategy}{f' ({row.model})' if several else ''} [{row.row}]"
            for row in rows
            if row.real == real
        ]
        if names:
            yield f"{said} {', '.join(names)}"


def _plain_count(row: Finding | None) -> str:
    return "–" if row is None else f"{row.value:.0f}/{row.of}"


def _count(row: Finding, what: str = "") -> str:
    return f"{row.value:.0f} of {row.of}{f' {what}' if what else ''} [{row.row}]"


def _per_cent(row: Finding) -> str:
    return f"{row.value:.1f} % [{row.row}]"


def _points(row: Finding) -> str:
    return f"{row.value:.1f} points [{row.row}]"


def _change(row: Finding) -> str:
    return f"{row.value:+.1f} points ({row.low:+.1f} to {row.high:+.1f}) [{row.row}]"


def _ends(row: Finding) -> str:
    return f"{row.low:+.1f} to {row.high:+.1f} [{row.row}]"


def _verdict(row: Finding, *, what: str = "", less_is_better: bool = False) -> str:
    """``accuracy really higher``; or, of something that has a better and a worse, ``better``."""
    if not row.real:
        return f"no real difference{f' of {what}' if what else ''}"
    if what:
        return f"{what} really {row.real}"
    return "better" if (row.real == "lower") == less_is_better else "worse"


def _range(rows: Iterable[Finding | None]) -> str:
    known = [row.row for row in rows if row is not None]
    return f"{known[0]}–{known[-1]}" if known else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""
