"""What every peer's program is given, and what the race wants to hear of it."""

from __future__ import annotations

import json
import random
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, final

import torch
from networks import DigitNet, StringNet

Split = Literal["train", "test"]


@final
@dataclass(frozen=True)
class Job:
    """What ``race`` says on the command line; without ``levers`` a library is used as its documentation shows it."""

    name: Literal["digits", "strings"]
    goal: float
    lr: float
    warmup: int
    epochs: int
    clip: float
    dropout: float
    weight_decay: float
    batch_size: int
    train: str
    test: str
    folder: str
    seed: int
    precision: Literal["fp32", "bf16"]
    levers: bool

    @classmethod
    def given(cls) -> Job:
        torch.set_num_threads(1)
        job = cls(**json.loads(sys.argv[1]))
        torch.manual_seed(job.seed)
        random.seed(job.seed)
        return job

    @property
    def strings(self) -> bool:
        return self.name == "strings"

    def recordings(self, split: Split) -> list[tuple[str, str]]:
        """(path, text) of every recording."""
        lines = Path(self.train if split == "train" else self.test).read_text(encoding="utf-8").splitlines()
        return [(row["audio_filepath"], row["text"]) for row in map(json.loads, lines)]

    @cached_property
    def symbols(self) -> dict[str, int]:
        """Classes from 0, or symbols from 1: 0 is the blank."""
        known = sorted({word for _, text in self.recordings("train") for word in text.split()})
        return {word: number + self.strings for number, word in enumerate(known)}

    def encode(self, text: str) -> list[int]:
        return [self.symbols[word] for word in text.split()]

    def network(self) -> DigitNet | StringNet:
        return StringNet(self.dropout) if self.strings else DigitNet(self.dropout)

    @cached_property
    def steps(self) -> int:
        return -(-len(self.recordings("train")) // self.batch_size) * self.epochs

    def rate(self, step: int) -> float:
        """The part of the learning rate in force at a step: up for ``warmup`` steps, then straight down to 0."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        return max(0.0, (self.steps - step) / (self.steps - self.warmup))

    def tell(self, epoch: int, metric: float) -> None:
        """What the race waits for after every epoch."""
        print(f"epoch {epoch} {'wer' if self.strings else 'accuracy'} {metric:.4f}", file=sys.stderr, flush=True)
