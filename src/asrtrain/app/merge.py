"""One report of what several jobs have scored."""

from __future__ import annotations

from pathlib import Path

from asrtrain import run_folder
from asrtrain.app.scores import write_scores
from asrtrain.app.sharding import Shard
from asrtrain.app.trained import Checkpoint, checkpoint_path, chosen_utterances, origin_of
from asrtrain.data.data_config import SplitName
from asrtrain.errors import DataError, UsageError
from asrtrain.evaluation import EvalReport, Outcome, read_results
from asrtrain.training import read_metadata


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
    no such checkpoint, and DataError if a part is missing, of other utterances, of another checkpoint or older than it.
    """
    if parts < 1:
        raise UsageError(f"--merge {parts}: give the number of parts, 1 or more")
    folder = run_folder.find(None if run is None else Path(run))
    utterances, name = chosen_utterances(run_folder.read_config(folder).data, data, split)
    weights = checkpoint_path(folder, checkpoint)
    origin = origin_of(weights, read_metadata(weights))
    outcomes: dict[str, Outcome] = {}
    seconds, unknown = 0.0, None
    for number in range(1, parts + 1):
        shard = Shard.parse(f"{number}/{parts}")
        own = folder / "results" / f"{shard.named(name)}.json"
        if not own.exists() or own.stat().st_mtime < weights.stat().st_mtime:
            raise DataError(f"{own} is missing or older than the checkpoint: run eval with --shard {number}/{parts}")
        report = read_results(own.parent, own.stem)
        if report.origin != origin:
            raise DataError(
                f"{own} is of {report.origin or 'no checkpoint that it tells'}, not of {origin}: "
                f"run eval with --shard {number}/{parts} --checkpoint {checkpoint}"
            )
        outcomes |= {outcome.id: outcome for outcome in report.outcomes}
        seconds += report.seconds
        if report.unknown is not None:
            unknown = (unknown or 0) + report.unknown
    if outcomes.keys() != {utterance.id for utterance in utterances}:
        raise DataError(
            f"the parts in {folder / 'results'} are not of these {len(utterances)} utterances: score them again"
        )
    found = [outcomes[utterance.id] for utterance in utterances]
    merged = EvalReport(report.task, name, found, seconds, unknown, origin)
    write_scores(merged, folder)
    return merged
