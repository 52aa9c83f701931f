"""What ``fit`` checks of its data before the first epoch: all that needs no audio to be decoded."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from asrtrain.assembly import System
from asrtrain.data.complaints import raise_any
from asrtrain.data.data_config import Splits
from asrtrain.data.durations import with_durations
from asrtrain.data.table import speakers_of
from asrtrain.data.validation import Requirements, check_cheaply
from asrtrain.errors import DataError
from asrtrain.features.spectral_config import SpectralConfig
from asrtrain.terminal import say
from asrtrain.types import Seconds, Utterance


def requirements_of(system: System) -> Requirements:
    """What a recogniser asks of its data; of strings, and for states, that frames after subsampling are enough."""
    config, model = system.config, system.model

    def frame_counts(durations: Sequence[Seconds]) -> list[int]:
        samples = (torch.tensor(durations, dtype=torch.float64) * config.features.sample_rate).round().long()
        counts: list[int] = model.output_lengths(system.front_end.frame_counts(samples)).tolist()
        return counts

    return Requirements(
        sample_rate=config.features.sample_rate,
        vocabulary=system.vocabulary,
        frame_counts=frame_counts if model.head.needs_frames else None,
        frames_needed=model.head.frames_needed,
        text=config.data.text,
    )


def check_before_training(system: System, splits: Splits) -> None:
    """Raise DataError for training or development data that cannot be learnt from; tell of what is merely odd.

    Utterances too short for what is said are told of, not refused unless all are: training leaves them out. Symbols of
    the test data that nobody trained on are told of too, words in one line: they count as errors when it is scored.
    """
    named = {"train": splits.train, "dev": splits.dev, "test": splits.test}
    if system.model.head.needs_frames:
        named = {name: with_durations(split) for name, split in named.items()}
    present = {name: split for name, split in named.items() if split}
    report = check_cheaply(present, requirements_of(system), remarks=splits.remarks)
    _check_speakers(system, splits.train)
    learnt_from = {utterance.id for utterance in (*splits.train, *splits.dev)}
    serious = [c for c in report.errors if c.kind == "one_label" or c.utterance in learnt_from]
    raise_any([c for c in serious if c.kind != "infeasible"])
    too_short = [c for c in report.errors if c.kind == "infeasible"]
    if {utterance.id for utterance in splits.train} <= {c.utterance for c in too_short}:
        count = f"all {len(splits.train)} training utterances are too short for what is said in them"
        raise DataError(f"{count}; the first: {too_short[0]}")
    if report.complaints:
        say(report.to_text(most=5))


def _check_speakers(system: System, utterances: Sequence[Utterance]) -> None:
    """Raise DataError where features are normalised by speaker, and not one is named."""
    features = system.config.features
    if isinstance(features, SpectralConfig) and features.normalise == "speaker" and not any(speakers_of(utterances)):
        raise DataError(
            f"{utterances[0].source or utterances[0].id}: features.normalise is speaker, but none of the "
            f"{len(utterances)} training utterances names its speaker: name them in the manifest, or write "
            "features.normalise: utterance"
        )
