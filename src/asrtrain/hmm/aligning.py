"""Alignments by a recogniser with states: which state each frame is of, and where units and words lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import torch

from asrtrain.errors import UsageError
from asrtrain.hmm.frame_cross_entropy import STATE_COUNTS, STATES
from asrtrain.hmm.interface import HMMHead
from asrtrain.hmm.segments import Segments, segments
from asrtrain.hmm.word_models import WordModels
from asrtrain.recogniser import Recogniser
from asrtrain.types import Batch, Seconds


def align(model: Recogniser, batches: Iterable[Batch], device: torch.device) -> dict[str, torch.Tensor]:
    """The state of every frame (T,) on the best path through what is said, by the utterance's id; see WordModels.align.

    Raises UsageError for a recogniser without states.
    """
    head = _with_states(model)
    found: dict[str, torch.Tensor] = {}
    for batch, emissions in _scored(model, head, batches, device):
        states = head.words.align(emissions, batch.lengths, head.words.transcripts(head.targets(batch))).cpu()
        rows = zip(batch.ids, states, batch.lengths.tolist(), strict=True)
        found |= {id_: row[:length].clone() for id_, row, length in rows}
    return found


def align_in_segments(
    model: Recogniser, batches: Iterable[Batch], device: torch.device
) -> dict[str, tuple[Segments, Seconds] | None]:
    """The states, units and words of every utterance in frames, and where in its recording the first frame begins,
    by its id; None for one too short for what is said.

    Raises UsageError for a recogniser without states.
    """
    head = _with_states(model)
    words, symbols = head.words, head.tokens.symbols
    found: dict[str, tuple[Segments, Seconds] | None] = {}
    for batch, emissions in _scored(model, head, batches, device):
        transcripts = words.transcripts(head.targets(batch))
        paths = words.paths(emissions, batch.lengths, transcripts).tolist()
        rows = zip(batch.ids, transcripts, paths, batch.lengths.tolist(), batch.starts, strict=True)
        for id_, said, path, frames, start in rows:
            named, inside = [symbols[word] for word in said], path[:frames]
            found[id_] = None if min(inside) < 0 else (segments(words.inventory, named, inside), start)
    return found


def check_same_states(model: Recogniser, aligner: Recogniser) -> None:
    """Raise UsageError where an aligner has other states than the model, or none."""
    own, other = _with_states(model).words, _with_states(aligner, "model.align_from: that run").words
    if own.inventory != other.inventory or own.distributions != other.distributions:
        raise UsageError(
            f"model.align_from: that run has other states ({other.distributions}, and here are "
            f"{own.distributions}): give it the same words in data and the same model.unit, context, max_states, "
            "lexicon, states, silence_states, skip, pause and short_pause"
        )


def take_tying(model: Recogniser, aligner: Recogniser) -> None:
    """Tie the states of triphones as the aligner has them."""
    tying = _with_states(aligner).words.tying
    if tying is not None:
        _with_states(model).words.retie(tying)


def check_same_tying(model: Recogniser, start: Recogniser) -> None:
    """Raise UsageError where the run to begin with has other states than the model, or ties them otherwise."""
    if not _equal(_with_states(model).words, _with_states(start, "model.start_from: that run").words):
        raise UsageError(
            "model.start_from: that run has other states; let both align from the same run, or name it there"
        )


def learn_from(model: Recogniser, aligner: Recogniser, states: Mapping[str, torch.Tensor]) -> None:
    """Take the aligner's transitions, and how often each state was found: the priors of a hybrid."""
    words = _with_states(model).words
    found = torch.cat(list(states.values()))
    counts = torch.bincount(found[found >= 0], minlength=words.distributions)
    words.transitions.copy_(_with_states(aligner).words.transitions)
    words.occupancy.copy_(counts)


def given_states(ids: Sequence[str], states: Mapping[str, torch.Tensor]) -> dict[str, tuple[torch.Tensor, ...]]:
    """The aligned states as rows that travel with the utterances; none for those that could not be aligned."""
    nothing = torch.zeros(0, dtype=torch.int64)
    rows = [states.get(id_, nothing) for id_ in ids]
    rows = [nothing if len(row) and int(row.min()) < 0 else row for row in rows]
    return {STATES: tuple(rows), STATE_COUNTS: tuple(torch.tensor(len(row)) for row in rows)}


def _equal(own: WordModels, other: WordModels) -> bool:
    """Whether states are the same, and tied alike."""
    if own.inventory != other.inventory:
        return False
    every = torch.arange(own.inventory.states, device=own.transitions.device)
    return torch.equal(own.tied(every), other.tied(every))


@torch.no_grad()
def _scored(
    model: Recogniser, head: HMMHead, batches: Iterable[Batch], device: torch.device
) -> Iterator[tuple[Batch, torch.Tensor]]:
    """Batches on the device with their states' scores (B, T, S)."""
    model.eval()
    for batch in batches:
        here = batch.to(device)
        yield here, head.emissions(model.encode(here))


def _with_states(model: Recogniser, which: str = "this model") -> HMMHead:
    if isinstance(model.head, HMMHead):
        return model.head
    raise UsageError(f"{which} has no states to align; give a run of gmm_hmm or dnn_hmm")
