"""Tables of a page, as rows of text."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, final

from asrtrain.evaluation import EvalReport, Outcome
from asrtrain.evaluation.intervals import interval
from asrtrain.reporting.html.findings import RunFindings

_MOST_FREQUENT = 12
_MOST_WORDS = 60
"""A matrix of more words than this could not be read."""
_NOTHING = "–"


@final
@dataclass(frozen=True, slots=True)
class Table:
    """The first cell of every row is its heading; ``numeric`` sets the others to the right."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: bool = True


@final
@dataclass(frozen=True, slots=True)
class Matrix:
    """Confusions: rows of (word, cells), a cell a count and its share of the row, 0 to 1."""

    caption: str
    words: Sequence[str]
    rows: Sequence[tuple[str, Sequence[tuple[int, float]]]]


def main_figure(report: EvalReport) -> tuple[str, float]:
    """What the task is scored by, and how much it is, 0 to 1."""
    return ("accuracy", report.accuracy) if report.task == "classification" else ("WER", report.words.rate)


def percent(rate: float) -> str:
    """``12.34 %``."""
    return f"{100 * rate:.2f} %"


def between(ends: tuple[float, float], *, rough: bool = False) -> str:
    """``1.20 to 3.40 %``, and whether that is rough."""
    return f"{100 * ends[0]:.2f} to {100 * ends[1]:.2f} %{' (rough)' if rough else ''}"


def error_kinds(report: EvalReport) -> Table:
    """Substitutions, insertions and deletions a reference word, with intervals over the utterances."""
    counts = [outcome.words for outcome in report.outcomes]
    words = [each.reference for each in counts]
    rows = []
    for kind in ("substitutions", "insertions", "deletions", "errors"):
        errors = [getattr(each, kind) for each in counts]
        name = "all (WER)" if kind == "errors" else kind
        rate = sum(errors) / max(1, sum(words))
        rows.append([name, f"{sum(errors):,}", percent(rate), between(interval(errors, words), rough=report.rough)])
    caption = f"Errors by kind, of {sum(words):,} words in {len(counts):,} utterances"
    return Table(caption, ["kind", "count", "of the words", "95 % interval"], rows)


def confusion_matrix(report: EvalReport) -> Matrix | None:
    """How often each word was recognised as each; None where there are too many words."""
    pairs = Counter((outcome.reference, outcome.hypothesis.text) for outcome in report.outcomes)
    words = sorted({word for pair in pairs for word in pair})
    if len(words) > _MOST_WORDS:
        return None
    rows = []
    for said in words:
        total = max(1, sum(pairs[said, heard] for heard in words))
        rows.append((said, [(pairs[said, heard], pairs[said, heard] / total) for heard in words]))
    return Matrix("How often each word (rows) was recognised as each (columns)", words, rows)


def frequent_confusions(report: EvalReport) -> Table | None:
    """The words most often taken for others; with sentences, the words left out and put in too."""
    said = Counter({(a, b): n for (a, b), n in report.confusions.items()})
    if report.task == "transcription":
        pairs = (pair for outcome in report.outcomes for pair in outcome.word_pairs)
        said += Counter((a or _NOTHING, b or _NOTHING) for a, b in pairs if a is None or b is None)
    if not said:
        return None
    ordered = sorted(said.items(), key=lambda item: (-item[1], item[0]))
    rows = [[a, b, str(n)] for (a, b), n in ordered[:_MOST_FREQUENT]]
    caption = f"The most frequent of {len(ordered)} confusions"
    if report.task == "transcription":
        caption += f" ({_NOTHING} is no word)"
    return Table(caption, ["said", "recognised", "times"], rows, False)


def by_word(report: EvalReport) -> Table:
    """The share of each word that was recognised."""
    return _by_group("Accuracy by word", "word", report, lambda outcome: outcome.reference)


def by_speaker(report: EvalReport) -> Table:
    """The main figure of each speaker."""
    name, _ = main_figure(report)
    return _by_group(f"{name.capitalize()} by speaker".replace("Wer", "WER"), "speaker", report, _speaker)


def _speaker(outcome: Outcome) -> str:
    return outcome.speaker or "not named"


def _by_group(caption: str, heading: str, report: EvalReport, group: Any) -> Table:  # noqa: ANN401 - a function
    own: dict[str, list[Outcome]] = {}
    for outcome in report.outcomes:
        own.setdefault(group(outcome), []).append(outcome)
    rows = []
    for name, mine in sorted(own.items()):
        part = EvalReport(report.task, name, mine, 0.0)
        rows.append(
            [name, str(len(mine)), percent(main_figure(part)[1]), between(part.confidence_interval, rough=part.rough)]
        )
    return Table(caption, [heading, "utterances", main_figure(report)[0], "95 % interval"], rows)


def epoch_table(run: RunFindings) -> Table:
    """Every epoch's figures."""
    metric = str(run.epochs[-1]["metric"]) if run.epochs else "metric"
    header = ["epoch", "step", "training loss", "development loss", f"{metric} (%)", "clipped", "not taken", "best"]
    rows = [
        [
            *(str(row["epoch"]), f"{row['step']:,}", _number(row["train_loss"]), _number(row["dev_loss"])),
            _number(None if row["dev_metric"] is None else 100 * row["dev_metric"]),
            *(f"{row['clipped_steps']:,}", f"{row['skipped_steps']:,}", "yes" if row["best"] else ""),
        ]
        for row in run.epochs
    ]
    return Table("Every epoch", header, rows)


def _number(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.4g}"


def environment_table(run: RunFindings) -> Table:
    """On what the run was made."""
    return Table("On what it was made", ["what", "which"], [[k, str(v)] for k, v in _flat(run.environment)], False)


def _flat(tree: Any, path: str = "") -> Iterable[tuple[str, Any]]:  # noqa: ANN401 - JSON
    if not isinstance(tree, dict):
        return [(path, tree)]
    return [leaf for key, value in tree.items() for leaf in _flat(value, f"{path} {key}".strip())]


def score_table(runs: Sequence[RunFindings]) -> Table:
    """The runs side by side."""
    header = ["run", "test figure", "95 % interval", "utterances", "best development", "steps", "clipped", "not taken"]
    return Table("Scores and training side by side", header, [_score_row(run) for run in runs])


def _score_row(run: RunFindings) -> list[str]:
    cells = [_NOTHING] * 3
    if run.scores is not None:
        name, value = main_figure(run.scores)
        interval_ = between(run.scores.confidence_interval, rough=run.scores.rough)
        cells = [f"{name} {percent(value)}", interval_, f"{len(run.scores.outcomes):,}"]
    best = [row for row in run.epochs if row["best"]]
    known = best and best[-1]["dev_metric"] is not None
    steps = len(run.steps)
    clipped = percent(sum(row.clipped for row in run.steps) / steps) if steps else _NOTHING
    return [
        run.name,
        *cells,
        f"{best[-1]['metric']} {percent(best[-1]['dev_metric'])}" if known else _NOTHING,
        f"{steps:,}",
        clipped,
        f"{sum(not row.stepped for row in run.steps):,}",
    ]


def setting_differences(runs: Sequence[RunFindings]) -> Table:
    """The settings that are not the same in all runs."""
    keys = dict.fromkeys(key for run in runs for key in run.settings)
    rows = []
    for key in keys:
        values = [_setting(run, key) for run in runs]
        if len(set(values)) > 1:
            rows.append([key, *values])
    return Table("Settings that differ", ["setting", *(run.name for run in runs)], rows, False)


def _setting(run: RunFindings, key: str) -> str:
    if key not in run.settings:
        return _NOTHING
    return json.dumps(run.settings[key], ensure_ascii=False)
