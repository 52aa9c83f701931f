"""Forced alignment: where the states, units and words of a transcript lie in the recording."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from asrtrain import run_folder
from asrtrain.app.chosen import Chosen, choose
from asrtrain.app.identity import identity_of_data
from asrtrain.app.threads import use_threads_deliberately
from asrtrain.app.trained import Checkpoint, load_system
from asrtrain.assembly import System, align_in_time, cache_folder
from asrtrain.data.audio import read_audio
from asrtrain.data.data_config import SplitName
from asrtrain.data.vocabulary import split as symbols_of
from asrtrain.errors import DataError
from asrtrain.evaluation import keep_other_folder
from asrtrain.evaluation.alignments import AlignmentFormat, check_names, write_alignments
from asrtrain.reporting import draw_alignment, require_pictures
from asrtrain.terminal import say
from asrtrain.types import Utterance


def align(
    run: str | Path | None = None,
    *,
    data: str | Path | None = None,
    split: SplitName = "test",
    output: str | Path | None = None,
    text_format: AlignmentFormat = "ctm",
    plot: str | Path | None = None,
    only: Sequence[str] = (),
    checkpoint: Checkpoint = "best",
    device: str = "auto",
) -> list[Path]:
    """Align the transcripts of one of a run's splits, or of a manifest, and return the files written.

    They go to ``output``, or to the run's folder ``alignments/<name>``. Utterances too short for their transcript are
    told of and left out. ``only`` are the ids of those wanted; ``plot`` is a PNG, drawn of the first utterance. Raises
    UsageError for a model without states, DataError, CheckpointError.
    """
    use_threads_deliberately()
    if plot is not None:
        require_pictures()
    folder = run_folder.find(None if run is None else Path(run))
    system = load_system(folder, checkpoint, device)
    chosen = choose(system.config.data, data, split, checkpoint)
    among = chosen.utterances if only else None
    if only:
        chosen = _only(chosen, only)
    utterances, name = chosen.utterances, chosen.name
    check_names((name for u in utterances for name in (u.id, *_words(u, system))), text_format)
    found = align_in_time(system, utterances, name, among)
    short = [id_ for id_, one in found.items() if one is None]
    if short:
        say(f"{len(short)} utterances are too short for what is said, such as {short[0]}")
    # In the order of the data, not of the batches.
    alignments = [one for utterance in utterances if (one := found[utterance.id]) is not None]
    if not alignments:
        raise DataError(f"{name}: every utterance is too short for its transcript; nothing is written")
    if plot is not None:
        first = next(utterance for utterance in utterances if utterance.id == alignments[0].id)
        rate = system.config.features.sample_rate
        audio = read_audio(first.audio, rate, offset=first.offset, duration=first.duration)
        draw_alignment(alignments[0], audio, Path(plot), begin=first.offset)
    place = Path(output) if output is not None else _own_folder(folder, chosen, system)
    return write_alignments(alignments, place, text_format)


def _own_folder(run: Path, chosen: Chosen, system: System) -> Path:
    """The folder of these alignments in the run's; what is there of other data or weights gets another name."""
    place = run / "alignments" / chosen.name
    kept = keep_other_folder(place, system.origin, chosen.data)
    if kept is not None:
        say(f"{place} was of other data or weights: it is kept as {kept}")
    return place


def _only(chosen: Chosen, ids: Sequence[str]) -> Chosen:
    """The utterances of these ids, under a name of their own. Raises DataError for ids that are not there."""
    unknown = sorted({*ids} - {utterance.id for utterance in chosen.utterances})
    if unknown:
        raise DataError(f"{chosen.name}: no utterance is called {', '.join(unknown)}; ids are as in the manifest")
    utterances = [utterance for utterance in chosen.utterances if utterance.id in ids]
    data = identity_of_data(utterances, chosen.data.source, cache_folder())
    return Chosen(utterances, data, f"{chosen.name}-only-{data.short}")


def _words(utterance: Utterance, system: System) -> Sequence[str]:
    """A class of several words is one label."""
    return symbols_of(utterance.text, system.vocabulary.unit)
