"""A page about runs: everything that their folders say, in one file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from asrtrain import run_folder
from asrtrain.app.chosen import choose
from asrtrain.app.evaluate import evaluate
from asrtrain.app.explanations import FOLDER as EXPLANATIONS
from asrtrain.app.explanations import read_explanation
from asrtrain.app.scores import RESULTS
from asrtrain.app.threads import use_threads_deliberately
from asrtrain.app.trained import load_system
from asrtrain.assembly import cache_folder
from asrtrain.config import dump_config
from asrtrain.data.audio import read_audio
from asrtrain.data.data_config import SplitName
from asrtrain.errors import AsrtrainError, DataError, UsageError
from asrtrain.evaluation import EvalReport, Origin, read_results
from asrtrain.files.names import in_utf8
from asrtrain.files.reading import LARGEST_LIST, read_text
from asrtrain.files.sealed import unseal
from asrtrain.reporting import require_pictures
from asrtrain.reporting.html import LONGEST, RunFindings, report_page, worst_of
from asrtrain.reporting.measurements import read_rows
from asrtrain.run_config import RunConfig
from asrtrain.training import clipping_in_words, read_steps
from asrtrain.training.durable import write_file
from asrtrain.training.lock import is_held
from asrtrain.types import Audio
from asrtrain.version import __version__

_SPLIT: SplitName = "test"


def report(runs: Sequence[str | Path] = (), *, output: str | Path = "report.html", device: str = "auto") -> Path:
    """Write one HTML file about some runs (by default runs/latest), and return its path.

    A run that has not been scored on its test split is scored first, and one whose weights or test data have changed
    since is scored again; where that cannot be done, the page says why.
    Raises UsageError for an output that is a folder, or without matplotlib, CheckpointError for what is no run,
    DataError for files in it that were changed by hand.
    """
    use_threads_deliberately()
    require_pictures()
    folders = list(dict.fromkeys(run_folder.find(Path(run)) for run in runs)) or [run_folder.find(None)]
    path = Path(output)
    if path.is_dir():
        raise UsageError(f"--output {path}: is a folder; name a file")
    path.parent.mkdir(parents=True, exist_ok=True)
    names = _names(folders)
    page = report_page([_findings(folder, names[folder], device) for folder in folders], __version__)
    write_file(path, in_utf8(page).encode())
    return path


def _names(folders: Sequence[Path]) -> dict[Path, str]:
    """As short as they can be told apart by."""
    known = Counter(folder.name for folder in folders)
    parents = Counter((folder.parent.name, folder.name) for folder in folders)
    names = {}
    for folder in folders:
        longer = f"{folder.parent.name}/{folder.name}"
        own = longer if parents[folder.parent.name, folder.name] == 1 else str(folder)
        names[folder] = folder.name if known[folder.name] == 1 else own
    return names


def _findings(folder: Path, name: str, device: str) -> RunFindings:
    config = run_folder.read_config(folder)
    log = folder / "metrics.jsonl"
    scores, note = _scores(folder, device)
    recordings, missing = _recordings(config, scores)
    return RunFindings(
        name=name,
        folder=folder,
        settings=run_folder.flattened(config.model_dump(mode="json")),
        configuration=dump_config(config),
        closing=_closing(folder),
        steps=list(read_steps(folder)),
        epochs=read_rows(log, "epoch") if log.is_file() else [],
        environment=_json(folder / "environment.json") if (folder / "environment.json").is_file() else {},
        scores=scores,
        scores_note=note,
        recordings=recordings,
        missing=missing,
        explanations=_explanations(folder / EXPLANATIONS),
    )


def _closing(folder: Path) -> list[str]:
    if not run_folder.is_finished(folder):
        training = "is still going on" if is_held(folder) else "has not come to its end"
        told = next(read_steps(folder), None) and clipping_in_words(folder)
        return [f"Training {training}{f': {told}' if told else ''}."]
    path = folder / run_folder.OUTCOME
    outcome = _json(path)
    try:
        ended = f"Training was stopped by {outcome['stopped_by']} after {outcome['epochs']} epochs"
        best = outcome["best"]
        if best:
            ended += f"; the best was epoch {outcome['best_epoch']}, {best['metric_name']} {100 * best['metric']:.2f} %"
            ended += ", chosen by its loss" if outcome.get("chosen_by") == "loss" else ""
        return [f"{ended}.", f"Clipping: {outcome['clipping']}."]
    except (LookupError, TypeError) as error:
        raise DataError(f"{path}: does not say how training ended ({error}); the file was changed by hand") from error


def _scores(folder: Path, device: str) -> tuple[EvalReport | None, str]:
    """The scores of the weights and test data as they are now, and a sentence if there is something to say."""
    try:
        system = load_system(folder, "best", device)
    except AsrtrainError as error:
        return None, f"There are no scores: {error}."
    known = _scored_before(folder, system.origin)
    try:
        chosen = choose(system.config.data, None, _SPLIT, "best")
        if known is not None and known.data == chosen.data:
            return known, ""
        found = evaluate(folder, split=_SPLIT, device=device)
    except AsrtrainError as error:
        if known is None:
            return None, f"There are no scores: {error}."
        return known, f"The run was scored before; whether the test data are still the same cannot be seen: {error}."
    return found, "The run was scored when this report was written, by its best checkpoint."


def _scored_before(folder: Path, origin: Origin | None) -> EvalReport | None:
    """The scores of these weights on the test data as they were; None where there are none. Raises DataError."""
    if not (folder / RESULTS / f"{_SPLIT}.json").is_file():
        return None
    found = read_results(folder / RESULTS, _SPLIT)
    return found if found.origin == origin else None


def _recordings(config: RunConfig, scores: EvalReport | None) -> tuple[dict[str, Audio], dict[str, str]]:
    """The recordings of the worst utterances, as the front end hears them, and why others are not there."""
    if scores is None:
        return {}, {}
    worst = {outcome.id: outcome.duration for outcome in worst_of(scores)}
    try:
        utterances = {utterance.id: utterance for utterance in config.data.load_split(_SPLIT, cache_folder())}
    except AsrtrainError as error:
        return {}, dict.fromkeys(worst, f"The recording is not there: {error}")
    found: dict[str, Audio] = {}
    missing: dict[str, str] = {}
    for name, duration in worst.items():
        if name not in utterances:
            missing[name] = "The test split no longer has this utterance."
            continue
        one = utterances[name]
        rate, length = config.features.sample_rate, LONGEST if duration > LONGEST else one.duration
        try:
            found[name] = read_audio(one.audio, rate, offset=one.offset, duration=length)
        except DataError as error:
            missing[name] = f"The recording cannot be read: {error}"
    return found, missing


def _explanations(folder: Path) -> list[tuple[Mapping[str, Any], str]]:
    """In the order of steps."""
    found = [read_explanation(path) for path in folder.glob("*.json")]
    return sorted(found, key=lambda explanation: explanation[0].get("step", 0))


def _json(path: Path) -> Mapping[str, Any]:
    """Raises DataError."""
    try:
        return unseal(read_text(path, LARGEST_LIST, DataError))
    except ValueError as error:
        raise DataError(f"{path}: {error}; the file is damaged, or was changed by hand") from error
