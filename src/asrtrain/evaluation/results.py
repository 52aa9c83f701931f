"""Reading back what the tables hold."""

from __future__ import annotations

import csv
from pathlib import Path

from asrtrain.errors import DataError
from asrtrain.evaluation.outcome import Outcome
from asrtrain.evaluation.report import EvalReport, Origin
from asrtrain.files.json_text import parse_json
from asrtrain.types import Hypothesis


def read_results(folder: Path, name: str) -> EvalReport:
    """The report that `write_results` wrote into ``folder``, without the places of words in time.

    Raises DataError if the files are not what was written.
    """
    table, figures = folder / f"{name}-utterances.tsv", folder / f"{name}.json"
    try:
        known = parse_json(figures.read_text(encoding="utf-8"))
        with table.open(encoding="utf-8", newline="") as file:
            outcomes = [_outcome(row) for row in csv.DictReader(file, delimiter="\t")]
        spoken = sum(outcome.duration for outcome in outcomes)
        seconds, unknown = known["real_time_factor"] * spoken, known.get("out_of_vocabulary")
        origin = Origin(known["checkpoint"], known["epoch"]) if "checkpoint" in known else None
        return EvalReport(known["task"], name, outcomes, seconds, unknown, origin)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise DataError(f"{figures} and {table.name} are not as eval writes them: {error}; run eval again") from error


def _outcome(row: dict[str, str]) -> Outcome:
    hypothesis = Hypothesis(row["id"], row["hypothesis"], float(row["confidence"]))
    return Outcome(row["id"], row["speaker"], float(row["duration"]), row["reference"], hypothesis)
