"""The recogniser: an encoder, heads on its frames, and a search.

It is the only thing that training, evaluation, diagnosis, measuring and export know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, final

import torch
from torch import nn

from asrtrain.encoders.interface import Encoder
from asrtrain.encoders.plain import plain_copy
from asrtrain.errors import UsageError
from asrtrain.heads.interface import Head, wide, widened
from asrtrain.search.interface import LabelScorer, Search
from asrtrain.types import Batch, Frames, Hypothesis, Losses, Part, Scores, Seconds


@final
class Recogniser(nn.Module):
    """An encoder with one head or several.

    Args:
        encoder: from features to hidden frames.
        heads: what is learnt from the frames, by name. The first one is searched.
        frame_shift: the time from one feature frame to the next.
        weights: what each head's part of the loss is multiplied by; 1 where none is given.
    """

    def __init__(
        self,
        encoder: Encoder,
        heads: Mapping[str, Head[Any]],
        frame_shift: Seconds,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = nn.ModuleDict(heads)
        self.frame_shift = frame_shift
        self._weights = {name: 1.0 if weights is None else weights[name] for name in heads}

    @property
    def named_heads(self) -> Iterator[tuple[str, Head[Any]]]:
        """The heads by name."""
        for name, head in self.heads.items():
            assert isinstance(head, Head)
            yield name, head

    @property
    def head(self) -> Head[Any]:
        """The head that is searched."""
        return next(self.named_heads)[1]

    @property
    def stride(self) -> int:
        """Feature frames from one hidden frame to the next."""
        return self.encoder.stride

    def forward(self, batch: Batch) -> Losses:
        """The losses of a batch, with the graph that they were computed by."""
        return self.losses(self._encoded(batch), batch)

    def encode(self, batch: Batch) -> Frames:
        """Run the encoder: what follows, losses and search alike, starts from its frames."""
        return self._encoded(batch)

    def losses(self, frames: Frames, batch: Batch) -> Losses:
        """The weighted sum of all heads' losses."""
        return self._joined({name: head(frames, batch) for name, head in self.heads.items()})

    @torch.inference_mode()
    def decode(self, frames: Frames, search: Search[Any]) -> list[Hypothesis]:
        """Search encoded frames; words have their times in the recording."""
        return self._decoded(frames, search)

    @torch.inference_mode()
    def recognise(self, batch: Batch, search: Search[Any]) -> list[Hypothesis]:
        """Encode and search."""
        return self._decoded(self._encoded(batch), search)

    @torch.inference_mode()
    def validate(self, batch: Batch, search: Search[Any]) -> tuple[Losses, list[Hypothesis]]:
        """Losses and hypotheses of a batch, encoded and scored once."""
        frames = widened(self._encoded(batch))
        with wide(frames.values.device):
            part, scores = self.head.judged(frames, batch)
        first, *others = self.named_heads
        parts = {first[0]: part, **{name: head(frames, batch) for name, head in others}}
        return self._joined(parts), self._searched(scores, frames, search)

    def search(self) -> Search[Any]:
        """The search that goes with the first head."""
        return self.head.search()

    def prepare(self, transcripts: Sequence[str]) -> None:
        """Learn what is learnt from the training texts alone, before the first step. Raises DataError."""
        for _, head in self.named_heads:
            head.prepare(transcripts)

    @property
    def is_tuned(self) -> bool:
        """Whether buffers are chosen by the development part, after every epoch."""
        return self.head.tuned

    @torch.inference_mode()
    def tune(self, batches: Iterable[Batch], search: Search[Any], errors: Callable[[list[Hypothesis]], int]) -> None:
        """Choose those buffers that the development part chooses.

        Args:
            batches: the development part.
            search: reads the buffers whenever it is called.
            errors: counts the wrong words of hypotheses.
        """
        scored: list[tuple[Batch, Frames, Any]] = []
        for batch in batches:
            frames = widened(self._encoded(batch))
            with wide(frames.values.device):
                scores = self.head.scorer(frames)
            # A copy, which does not keep the encoder's frames in memory as a view of them would.
            scored.append((batch, replace(frames, values=frames.values[:, :0].clone()), scores))

        def wrong_words() -> int:
            return sum(errors(search(scores, frames, 0.0)) for _, frames, scores in scored)

        self.head.tune([(batch, scores) for batch, _, scores in scored], wrong_words)

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """How many hidden frames come of ``lengths`` feature frames (int64, same shape)."""
        return self.encoder.output_lengths(lengths)

    def exported(self) -> nn.Module:
        """This recogniser for export: a copy for evaluation, tensors in and tensors out, for any batch and time.

        ``torch.export`` wants at least stride + 1 frames where the stride is more than 1: fill shorter batches up with
        zeros, which change no score. It keeps the number of frames that it has seen where there are recurrent layers;
        ``torch.jit.trace``, and ``torch.onnx.export(..., dynamo=False)`` that rests on it, does not, for any encoder.

        Example:
            >>> module = model.exported()
            >>> logits, lengths = module(features, lengths)
            >>> batch, time = torch.export.Dim("batch", min=1), torch.export.Dim("time", min=model.stride + 1)
            >>> program = torch.export.export(
            ...     module,
            ...     (features, lengths),
            ...     dynamic_shapes=({0: batch, 1: time}, {0: batch}),
            ...     prefer_deferred_runtime_asserts_over_guards=True,
            ... )

        Returns:
            A module from features (B, T, F) and lengths (B,) to the logits of the first head, (B, V) or (B, T', V), and
            lengths (B,). They differ from this recogniser's by rounding alone, and do not change when it is trained
            further.

        Raises:
            UsageError: for a head that scores one label after the other.
        """
        if self.head.reading == "labels":
            name = next(self.named_heads)[0]
            raise UsageError(f"objective {name} scores one label after the other, and cannot be exported as one module")
        return Exported(plain_copy(self))

    def blocks(self) -> Iterator[nn.Module]:
        """The parts that are put together one at a time where a model lies in shards; what is left, at each call.

        Calls go through public methods alone, which do not call each other: that is where shards are put together.
        """
        yield from self.encoder.sharding_blocks()

    def _encoded(self, batch: Batch) -> Frames:
        values, lengths = self.encoder(batch.features, batch.lengths)
        return Frames(batch.ids, values, lengths, batch.lengths, self.stride, batch.starts)

    def _decoded(self, frames: Frames, search: Search[Any]) -> list[Hypothesis]:
        with wide(frames.values.device):
            scores = self.head.scorer(widened(frames))
            return self._searched(scores, frames, search)

    def _joined(self, parts: Mapping[str, Part]) -> Losses:
        total: torch.Tensor | None = None
        counted: torch.Tensor | None = None
        for name, part in parts.items():
            weight = self._weights[name]
            own = part.per_utterance if weight == 1 else weight * part.per_utterance
            total = own if total is None else total + own
            counted = part.counted if counted is None else counted | part.counted
        assert total is not None
        assert counted is not None
        return Losses(total, counted, parts)

    def _searched(self, scores: Scores | LabelScorer, frames: Frames, search: Search[Any]) -> list[Hypothesis]:
        found = search(scores, frames, self.frame_shift)
        return list(map(Hypothesis.later, found, frames.starts)) if frames.starts else found


@final
class Exported(nn.Module):
    """A recogniser's scores as a pair of tensors."""

    def __init__(self, model: Recogniser) -> None:
        super().__init__()
        self.model = model

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Score a batch: features (B, T, F) and lengths (B,) to logits (B, V), or (B, T', V), and lengths (B,)."""
        values, hidden_lengths = self.model.encoder(features, lengths)
        scores = self.model.head.scorer(Frames((), values, hidden_lengths, lengths, self.model.stride))
        return scores.logits, scores.lengths
