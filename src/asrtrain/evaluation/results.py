"""Reading back what the tables hold, and keeping it where other results are to have its name."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path
from typing import Any

from asrtrain.errors import DataError
from asrtrain.evaluation.identity import Origin, ScoredData, identity_of, read_identity, short_identity
from asrtrain.evaluation.outcome import Outcome
from asrtrain.evaluation.report import EvalReport
from asrtrain.evaluation.tables import TABLE_HASH, hash_of
from asrtrain.files.reading import LARGEST_SETTINGS, LARGEST_TEXT, read_text
from asrtrain.files.sealed import seal, unseal
from asrtrain.files.writing import make_folder, write_file
from asrtrain.types import Hypothesis

FILES = (".json", ".txt", "-utterances.tsv", "-speakers.tsv", "-confusions.tsv", "-confusions.png")
"""What the files of one result end in, the one that says what it is of first."""
_IDENTITY = "identity.json"


def read_results(folder: Path, name: str) -> EvalReport:
    """The report that `write_results` wrote into ``folder``, without the places of words in time.

    Raises DataError if the files are not what was written.
    """
    table, figures = folder / f"{name}-utterances.tsv", folder / f"{name}.json"
    try:
        known, rows = _figures(figures), read_text(table, LARGEST_TEXT, DataError)
        if known.get(TABLE_HASH, hash_of(rows)) != hash_of(rows):
            raise ValueError(f"{table.name} does not match its {TABLE_HASH}")
        outcomes = [_outcome(row) for row in csv.DictReader(io.StringIO(rows, newline=""), delimiter="\t")]
        spoken = sum(outcome.duration for outcome in outcomes)
        seconds, unknown = known["real_time_factor"] * spoken, known.get("out_of_vocabulary")
        origin, data = read_identity(known)
        unsayable = known.get("unsayable_references", 0)
        return EvalReport(known["task"], name, outcomes, seconds, unknown, origin, unsayable, data)
    except (ValueError, LookupError, TypeError, csv.Error, DataError) as error:
        raise DataError(f"{figures} and {table.name} are not as eval writes them: {error}; run eval again") from error


def keep_others(folder: Path, report: EvalReport) -> str | None:
    """Rename what has the report's name in the folder if it is a result of other data, weights or search.

    Returns the new name, which ends in a hash of what that result is of.
    """
    figures = folder / f"{report.name}.json"
    if not figures.exists():
        return None
    there = _identity_in(figures)
    if there == (report.origin, report.data):
        return None
    name = f"{report.name}-{short_identity(*there)}"
    for ending in FILES:
        if (folder / f"{report.name}{ending}").exists():
            (folder / f"{report.name}{ending}").replace(folder / f"{name}{ending}")
    return name


def keep_other_folder(folder: Path, origin: Origin | None, data: ScoredData) -> str | None:
    """Rename a folder of files that are of other data or weights, and let the one of that name say what it is of.

    Returns the new name, as ``keep_others`` does.
    """
    make_folder(folder.parent)
    there, name = _identity_in(folder / _IDENTITY), None
    if folder.is_dir() and any(folder.iterdir()) and there != (origin, data):
        name = f"{folder.name}-{short_identity(*there)}"
        shutil.rmtree(folder.with_name(name), ignore_errors=True)  # of the same data and weights
        folder.rename(folder.with_name(name))
    make_folder(folder)
    write_file(folder / _IDENTITY, seal(identity_of(origin, data)))
    return name


def _identity_in(path: Path) -> tuple[Origin | None, ScoredData | None]:
    """What a file says that it is of; nothing where it does not."""
    try:
        return read_identity(_figures(path))
    except (ValueError, LookupError, TypeError, DataError):
        return None, None


def _figures(path: Path) -> dict[str, Any]:
    return unseal(read_text(path, LARGEST_SETTINGS, DataError))


def _outcome(row: dict[str, str]) -> Outcome:
    hypothesis = Hypothesis(row["id"], row["hypothesis"], float(row["confidence"]))
    return Outcome(row["id"], row["speaker"], float(row["duration"]), row["reference"], hypothesis)
