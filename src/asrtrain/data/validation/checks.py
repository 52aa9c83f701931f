"""The two validations: the cheap one that ``fit`` runs, and the full one that decodes every recording."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from asrtrain.data.complaints import KINDS, Complaint
from asrtrain.data.invisible import check_invisible
from asrtrain.data.manifest import AnyFormat, scan_manifest
from asrtrain.data.validation.audio import check_audio
from asrtrain.data.validation.label_counts import check_counts
from asrtrain.data.validation.report import Report
from asrtrain.data.validation.requirements import Requirements
from asrtrain.data.validation.splits import Divided, check_labels, check_recordings, check_speakers
from asrtrain.data.validation.texts import check_feasible, check_symbols, check_words
from asrtrain.data.validation.twins import check_quotes, check_twins
from asrtrain.types import Utterance


def check_cheaply(
    splits: Divided, requirements: Requirements, *, name: str = "data", remarks: Iterable[Complaint] = ()
) -> Report:
    """Check all that needs no audio: symbols, feasibility where durations are known, leaks between splits.

    ``remarks`` of the sources are told with what is found.

    The first split is the training data, one called ``test`` is only scored; texts are normalised already. It takes
    milliseconds for thousands of utterances.
    """
    utterances = [utterance for split in splits.values() for utterance in split]
    between = [*check_recordings(splits), *check_speakers(splits)]
    return _report(name, utterances, [*remarks, *between, *_text_complaints(splits, utterances, requirements)])


def validate_splits(
    splits: Divided,
    requirements: Requirements,
    *,
    name: str = "data",
    progress: bool = False,
    remarks: Iterable[Complaint] = (),
) -> Report:
    """Check everything, decoding every recording; the first split is the training data, texts are normalised."""
    readable, complaints = check_audio(splits, requirements.sample_rate, progress=progress)
    complaints += [*remarks, *check_speakers(splits), *_text_complaints(splits, readable, requirements)]
    return _report(name, readable, complaints)


def validate_manifest(
    path: Path,
    requirements: Requirements | None = None,
    *,
    format: AnyFormat = "auto",
    audio_root: Path | None = None,
    progress: bool = False,
) -> Report:
    """Check a manifest, line by line and recording by recording, on its own or against a recogniser's requirements.

    Raises DataError only where nothing of the manifest can be read.
    """
    requirements = requirements or Requirements()
    found, complaints = scan_manifest(path, format, audio_root)
    written = [replace(utterance, text=requirements.text.normalise(utterance.text)) for utterance in found]
    empty = {utterance.id for utterance in written if not utterance.text}
    complaints += [_emptied(utterance) for utterance in written if utterance.id in empty]
    report = validate_splits(
        {"manifest": [utterance for utterance in written if utterance.id not in empty]},
        requirements,
        progress=progress,
        remarks=check_invisible(found),
    )
    durations = {utterance.id: utterance.duration for utterance in report.utterances}
    usable = [replace(u, duration=durations[u.id]) for u in found if u.id in durations]
    return _report(str(path), usable, [*complaints, *report.complaints])


def _emptied(utterance: Utterance) -> Complaint:
    message = "nothing is left of the text after normalisation (data.text)"
    return Complaint("empty_text", message, utterance.source, utterance.id)


def _text_complaints(
    splits: Divided, utterances: Sequence[Utterance], requirements: Requirements
) -> Iterator[Complaint]:
    vocabulary, texts = requirements.vocabulary, [utterance.text for utterance in utterances]
    yield from check_quotes(utterances)
    yield from check_twins(texts, vocabulary.unit if vocabulary else None)
    yield from check_counts(splits, vocabulary)
    if vocabulary is None:
        return
    for name, split in splits.items():
        # Words are never all known; of the test, nothing is learnt, so that there is nothing to repair.
        only_scored = name == "test" and vocabulary.unit == "word"
        yield from (check_words if only_scored else check_symbols)(split, vocabulary)
    if vocabulary.unit == "label":
        yield from check_labels(splits)
    if requirements.frame_counts:
        yield from check_feasible(utterances, vocabulary, requirements.frame_counts, requirements.frames_needed)


def _report(name: str, utterances: Iterable[Utterance], complaints: Iterable[Complaint]) -> Report:
    order = {kind: place for place, kind in enumerate(KINDS)}
    return Report(name, tuple(utterances), tuple(sorted(complaints, key=lambda complaint: order[complaint.kind])))
