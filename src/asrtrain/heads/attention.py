"""Listen, attend and spell (Chan et al., 2016): a decoder that looks at the frames anew for every label."""

from __future__ import annotations

import math
from typing import Annotated, Literal, final

import torch
from pydantic import Field
from torch import nn
from torch.nn import functional

from asrtrain.data.vocabulary import Vocabulary
from asrtrain.encoders.dropout import Dropout
from asrtrain.encoders.interface import Top
from asrtrain.encoders.masking import frame_mask
from asrtrain.encoders.settings import Count
from asrtrain.heads.interface import Head, HeadConfig
from asrtrain.search import LabelScorer, LabelSearch, Search
from asrtrain.types import Batch, Frames, Part, Task

END = 0
"""The label that ends an utterance, and stands before its first one: CTC's blank, which has no other use here."""

State = tuple[torch.Tensor, ...]
"""Hidden numbers and memory cells of the decoder, and what it looked at last: (N, S), (N, S) and (N, H)."""


@final
class AttentionConfig(HeadConfig):
    """A decoder that says one symbol after the other, each after a look at all frames; for data.unit: char or word."""

    name: Literal["attention"] = "attention"
    hidden_size: Count = 128
    """Memory cells of the decoder."""
    attention_size: Count = 128
    """Size in which what is looked for is compared with frames."""
    width: Count = 4
    """Strings kept by the search; 1: the best symbol at each step."""
    label_smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1
    """Take this much probability from the right symbol and spread it over all of them (Szegedy et al., 2016)."""

    @property
    def task(self) -> Task:
        """A string of symbols an utterance."""
        return "transcription"

    def build(self, input_size: int, tokens: Vocabulary, top: Top, *, stride: int) -> Head[LabelScorer]:
        """Build the head."""
        return AttentionHead(self, input_size, tokens, top.dropout)


@final
class Decoder(nn.Module):
    """One step: the label before and what was looked at last move an LSTM cell, whose state looks at the frames."""

    def __init__(self, config: AttentionConfig, input_size: int, labels: int, dropout: float) -> None:
        super().__init__()
        size = config.hidden_size
        self.embedding = nn.Embedding(labels, size)
        self.cell = nn.LSTMCell(size + input_size, size)
        self.query = nn.Linear(size, config.attention_size)
        self.key = nn.Linear(input_size, config.attention_size, bias=False)
        self.dropout = Dropout(dropout)
        self.scores = nn.Linear(size + input_size, labels)

    def begin(self, frames: torch.Tensor) -> State:
        """The state before the first label, for frames (N, T, H)."""
        nothing = frames.new_zeros(frames.shape[0], self.cell.hidden_size)
        return nothing, nothing, frames.new_zeros(frames.shape[0], frames.shape[2])

    def forward(
        self, labels: torch.Tensor, state: State, frames: torch.Tensor, keys: torch.Tensor, real: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, State]:
        """Score what comes next.

        Args:
            labels: the labels before, (N,).
            state: as the step before left it.
            frames: hidden frames, (N, T, H).
            keys: what frames are compared by, (N, T, A).
            real: which frames are no padding, (N, T).

        Returns:
            Logits (N, V), how much each frame was looked at (N, T), and the new state.
        """
        hidden, memory, context = state
        hidden, memory = self.cell(torch.cat([self.embedding(labels), context], dim=1), (hidden, memory))
        match = (keys @ self.query(hidden).unsqueeze(2)).squeeze(2) / math.sqrt(keys.shape[2])
        looks = match.masked_fill(~real, torch.finfo(match.dtype).min).softmax(dim=1)
        context = (looks.unsqueeze(1) @ frames).squeeze(1)
        logits: torch.Tensor = self.scores(self.dropout(torch.cat([hidden, context], dim=1)))
        return logits, looks, (hidden, memory, context)


@final
class AttentionHead(Head[LabelScorer]):
    """−log P(transcript and its end | utterance), each symbol given those before it; a sum over symbols."""

    def __init__(self, config: AttentionConfig, input_size: int, tokens: Vocabulary, dropout: float) -> None:
        super().__init__(tokens, "labels")
        self.decoder = Decoder(config, input_size, len(tokens), dropout)
        self._smoothing, self._width = config.label_smoothing, config.width

    def part(self, frames: Frames, batch: Batch) -> Part:
        """The losses of a batch; all utterances with frames count."""
        targets = self.targets(batch)
        ended = functional.pad(targets.values, (0, 1), value=END)
        before = functional.pad(targets.values, (1, 0), value=END)
        keys, real, state = self._keys(frames), _real(frames), self.decoder.begin(frames.values)
        steps = []
        for step in range(ended.shape[1]):
            logits, _, state = self.decoder(before[:, step], state, frames.values, keys, real)
            steps.append(logits)
        losses = functional.cross_entropy(
            torch.stack(steps, dim=2), ended, reduction="none", label_smoothing=self._smoothing
        )
        inside = torch.arange(ended.shape[1], device=losses.device) <= targets.lengths.unsqueeze(1)
        counted = frames.lengths > 0
        return Part((losses * (inside & counted.unsqueeze(1))).sum(1), counted)

    def scorer(self, frames: Frames) -> LabelScorer:
        return _Scorer(self.decoder, frames, self._keys(frames))

    def search(self) -> Search[LabelScorer]:
        return LabelSearch(self.tokens, self._width)

    def _keys(self, frames: Frames) -> torch.Tensor:
        keys: torch.Tensor = self.decoder.key(frames.values)
        return keys


@final
class _Scorer(LabelScorer):
    """Runs the decoder for any utterances of a batch."""

    end = END

    def __init__(self, decoder: Decoder, frames: Frames, keys: torch.Tensor) -> None:
        self._decoder, self._frames, self._keys, self._real = decoder, frames.values, keys, _real(frames)

    def begin(self, rows: torch.Tensor) -> State:
        return self._decoder.begin(self._frames[rows])

    def step(
        self, rows: torch.Tensor, labels: torch.Tensor | None, state: State
    ) -> tuple[torch.Tensor, torch.Tensor, State]:
        before = torch.full_like(rows, END) if labels is None else labels
        logits, looks, state = self._decoder(before, state, self._frames[rows], self._keys[rows], self._real[rows])
        return logits.log_softmax(dim=1), looks.argmax(dim=1), state


def _real(frames: Frames) -> torch.Tensor:
    """Which frames may be looked at, (B, T'): of utterances without any the first, so that there is something."""
    return frame_mask(frames.lengths.clamp(min=1), frames.values.shape[1])
