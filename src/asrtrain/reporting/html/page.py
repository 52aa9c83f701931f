"""The page: findings are drawn and tabulated, and a template puts them where they belong.

The template escapes whatever comes from users. The page's policy forbids it to fetch anything, and to run any script
but its own.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import final

from asrtrain.evaluation import EvalReport, Outcome
from asrtrain.evaluation.tables import alignment_lines
from asrtrain.optional import optional
from asrtrain.reporting.html.explosions import Explosion, explosions
from asrtrain.reporting.html.findings import RunFindings
from asrtrain.reporting.html.gradient_figures import gradient_figures
from asrtrain.reporting.html.overlays import overlaid_curves
from asrtrain.reporting.html.score_figures import error_figure
from asrtrain.reporting.html.sound import playable, spectrogram
from asrtrain.reporting.html.svg import Picture
from asrtrain.reporting.html.tables import (
    Matrix,
    Table,
    by_speaker,
    by_word,
    confusion_matrix,
    environment_table,
    epoch_table,
    error_kinds,
    frequent_confusions,
    score_table,
    setting_differences,
)
from asrtrain.reporting.html.training_figures import training_figures
from asrtrain.reporting.html.worst import LONGEST, worst_of

SOUND_BUDGET = 1_900_000
"""Bytes that all recordings of a page may take together."""


@final
@dataclass(frozen=True, slots=True)
class _Worst:
    """An utterance to be looked at: its alignment, and its recording, or a notice why there is none."""

    outcome: Outcome
    said: str
    heard: str
    sound: str
    picture: Picture | None
    notice: str


@final
@dataclass(frozen=True, slots=True)
class _Scores:
    """The scores of one run, for the page."""

    report: EvalReport
    lines: Sequence[str]
    figure: Picture | None
    matrix: Matrix | None
    tables: Sequence[Table]
    long_tables: Sequence[Table]
    worst: Sequence[_Worst]


@final
@dataclass(frozen=True, slots=True)
class _Section:
    """One run, for the page."""

    anchor: str
    run: RunFindings
    training: Sequence[Picture]
    gradients: Sequence[Picture]
    epochs: Table
    scores: _Scores | None
    explosions: Sequence[Explosion]
    environment: Table


def report_page(runs: Sequence[RunFindings], version: str) -> str:
    """The whole page about some runs. ``version`` is asrtrain's."""
    with optional("jinja2", "the HTML report"):
        from jinja2 import Environment, StrictUndefined  # which training need not wait for

    texts = {
        name: (files(__package__) / name).read_text(encoding="utf-8") for name in ("page.html", "page.css", "page.js")
    }
    script = texts["page.js"]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    several = len(runs) > 1
    return environment.from_string(texts["page.html"]).render(
        title=f"asrtrain report: {', '.join(run.name for run in runs)}",
        version=version,
        style=texts["page.css"],
        script=script,
        script_hash=digest,
        sections=[_section(run, f"run-{number}", SOUND_BUDGET // len(runs)) for number, run in enumerate(runs, 1)],
        scores=score_table(runs) if several else None,
        differences=setting_differences(runs) if several else None,
        overlays=list(overlaid_curves(runs)) if several else [],
    )


def _section(run: RunFindings, anchor: str, budget: int) -> _Section:
    return _Section(
        anchor=anchor,
        run=run,
        training=list(training_figures(run, anchor)),
        gradients=list(gradient_figures(run.steps, anchor)),
        epochs=epoch_table(run),
        scores=None if run.scores is None else _scores(run, run.scores, anchor, budget),
        explosions=list(explosions(run.explanations, anchor)),
        environment=environment_table(run),
    )


def _scores(run: RunFindings, report: EvalReport, anchor: str, budget: int) -> _Scores:
    spelled = report.task == "transcription"
    confusions = frequent_confusions(report)
    return _Scores(
        report=report,
        lines=report.to_text().splitlines(),
        figure=error_figure(report, anchor) if spelled else None,
        matrix=None if spelled else confusion_matrix(report),
        tables=[*([error_kinds(report)] if spelled else []), *([confusions] if confusions else [])],
        long_tables=[*([] if spelled else [by_word(report)]), by_speaker(report)],
        worst=_worst(run, report, anchor, budget),
    )


def _worst(run: RunFindings, report: EvalReport, anchor: str, budget: int) -> list[_Worst]:
    shown = []
    for number, outcome in enumerate(worst_of(report)):
        said, heard = alignment_lines(outcome.word_pairs)
        audio, missing = run.recordings.get(outcome.id), run.missing.get(outcome.id, "")
        sound = "" if audio is None else playable(audio)
        if len(sound) > budget:
            sound, missing = "", "The recording is left out, for the page is large enough without it."
        budget -= len(sound)
        picture = None if audio is None else spectrogram(audio, f"{anchor}-sound-{number}")
        if audio is not None and outcome.duration > LONGEST and not missing:
            missing = f"The first {LONGEST:g} s of it."
        shown.append(_Worst(outcome, said, heard, sound, picture, missing))
    return shown
