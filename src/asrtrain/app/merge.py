"""One report of what several jobs have scored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from asrtrain import run_folder
from asrtrain.app.chosen import Chosen, choose
from asrtrain.app.scores import RESULTS, write_scores
from asrtrain.app.sharding import Shard
from asrtrain.app.trained import Checkpoint, load_system
from asrtrain.data.data_config import SplitName
from asrtrain.errors import DataError, UsageError
from asrtrain.evaluation import EvalReport, Origin, Outcome, read_results


def merge(
    run: str | Path | None = None,
    *,
    parts: int,
    data: str | Path | None = None,
    split: SplitName = "test",
    checkpoint: Checkpoint = "best",
) -> EvalReport:
    """Join what `evaluate` has found in each of so many parts of the same utterances, and write it as one result.

    The figures are those of scoring all at once. Raises UsageError for less than one part, CheckpointError if there is
    no such checkpoint, and DataError if a part is missing, of other utterances or of another checkpoint.
    """
    if parts < 1:
        raise UsageError(f"--merge {parts}: give the number of parts, 1 or more")
    folder = run_folder.find(None if run is None else Path(run))
    system = load_system(folder, checkpoint, "cpu")
    chosen = choose(system.config.data, data, split, checkpoint)
    outcomes: dict[str, Outcome] = {}
    seconds, unsayable, unknown = 0.0, 0, None
    for number in range(1, parts + 1):
        report = _part(folder / RESULTS, chosen, Shard.parse(f"{number}/{parts}"), system.origin, checkpoint)
        outcomes |= {outcome.id: outcome for outcome in report.outcomes}
        seconds += report.seconds
        unsayable += report.unsayable
        if report.unknown is not None:
            unknown = (unknown or 0) + report.unknown
    if outcomes.keys() != {utterance.id for utterance in chosen.utterances}:
        raise DataError(
            f"the parts in {folder / RESULTS} are not of these {len(chosen.utterances)} utterances: score them again"
        )
    found = [outcomes[utterance.id] for utterance in chosen.utterances]
    task, origin = system.task, system.origin
    merged = EvalReport(task, chosen.name, found, seconds, unknown, origin, unsayable, chosen.data)
    write_scores(merged, folder)
    return merged


def _part(results: Path, chosen: Chosen, part: Shard, origin: Origin | None, checkpoint: Checkpoint) -> EvalReport:
    """What was scored of one part. Raises DataError unless it is of these data and this checkpoint."""
    own = results / f"{part.named(chosen.name)}.json"
    again = f"run eval with --shard {part} --checkpoint {checkpoint}"
    if not own.exists():
        raise DataError(f"{own} is missing: {again}")
    report = read_results(own.parent, own.stem)
    if report.origin != origin:
        raise DataError(
            f"{own} is of {report.origin or 'no checkpoint that it tells'}, not of {origin} as it is: {again}"
        )
    if report.data != replace(chosen.data, part=str(part)):
        raise DataError(f"{own} is of other data than {chosen.data.source} as it is now: {again}")
    return report
