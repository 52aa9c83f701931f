"""Running a model over batches and decoding what it scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch

from asrtrain.decoding.interface import Decoder
from asrtrain.models.interface import AcousticModel
from asrtrain.types import Batch, Hypothesis, Scores, Seconds


@torch.inference_mode()
def score(model: AcousticModel, batches: Iterable[Batch], device: torch.device) -> Iterator[tuple[Batch, Scores]]:
    """Each batch with the scores of the model, which is left in evaluation mode."""
    model.eval()
    for batch in batches:
        yield batch, model(batch.features.to(device), batch.lengths.to(device))


def recognise(
    model: AcousticModel, batches: Iterable[Batch], decoder: Decoder, frame_shift: Seconds, device: torch.device
) -> Iterator[Hypothesis]:
    """One hypothesis an utterance, in the order of the batches. ``frame_shift`` is that of the features.

    Times are those of the recordings, where the batches say where their frames begin.
    """
    for batch, scores in score(model, batches, device):
        heard = decoder(batch.ids, scores, frame_shift * model.stride)
        yield from map(Hypothesis.later, heard, batch.starts) if batch.starts else heard
