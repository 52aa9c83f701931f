"""What all candidates train: the same recordings, network, recipe and goal."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, final

from asrtrain.data.corpora.fsdd import FSDDConfig
from asrtrain.data.digit_strings import DigitStringsConfig
from asrtrain.data.formats.jsonl import write_jsonl
from asrtrain.data.interface import SourceConfig

Split = Literal["train", "test"]
CORPORA = Path(os.environ.get("ASRTRAIN_CORPORA", Path(__file__).resolve().parents[2].parent / "shared" / "corpora"))


@final
@dataclass(frozen=True)
class Task:
    """A recipe for FSDD's spoken digits one by one, or for strings of three to seven of them.

    ``goal`` is the accuracy to reach, or the word error rate to come below, on the test recordings. The learning rate
    rises over ``warmup`` steps and falls to 0 in a straight line over the rest of ``epochs``.
    """

    name: Literal["digits", "strings"]
    goal: float
    lr: float
    warmup: int
    epochs: int
    clip: float
    dropout: float
    weight_decay: float = 0.01
    batch_size: int = 32

    def reached(self, metric: float) -> bool:
        """Whether a metric is as good as the goal."""
        return metric >= self.goal if self.name == "digits" else metric < self.goal

    def source(self, split: Split) -> SourceConfig:
        """Where the recordings come from."""
        words = FSDDConfig(folder=CORPORA / "fsdd", split=split)
        if self.name == "digits":
            return words
        return DigitStringsConfig(of=words, count=2000 if split == "train" else 200, seed=1 if split == "train" else 2)

    def manifests(self, folder: Path, cache: Path) -> dict[Split, Path]:
        """Write a JSON Lines manifest of each split into ``folder``, and strings of digits as WAV into ``cache``.

        ``cache`` lies outside of ``folder``, so that paths are written out in full, as the peers need them.
        """
        folder.mkdir(exist_ok=True)
        written: dict[Split, Path] = {}
        for split in ("train", "test"):
            written[split] = folder / f"{self.name}-{split}.jsonl"
            write_jsonl(self.source(split).load(cache), written[split])
        return written

    def configuration(self, manifests: dict[Split, Path], precision: str) -> str:
        """What asrtrain is given, as JSON, which is YAML: scored on the test recordings after every epoch."""
        digits = self.name == "digits"
        steps = -(-len(manifests["train"].read_text(encoding="utf-8").splitlines()) // self.batch_size)
        return json.dumps(
            {
                "data": {
                    "train": {"name": "manifest", "path": str(manifests["train"])},
                    "dev": {"name": "manifest", "path": str(manifests["test"])},
                    "unit": "label" if digits else "word",
                },
                # Centred, as torchaudio's and SpeechBrain's frames are: all see as many frames of a recording.
                "features": {
                    "name": "mfcc",
                    "sample_rate": 8000,
                    "edges": "center",
                    "deltas": 2,
                    "stack": 1 if digits else 3,
                },
                "model": {"name": "cnn", "channels": [16, 32, 64], "hidden_size": 128, "dropout": self.dropout}
                if digits
                else {"name": "lstm", "hidden_size": 128, "bidirectional": True, "dropout": self.dropout},
                "objective": {"name": "cross_entropy"} if digits else {"name": "ctc", "normalise": "labels"},
                "optimizer": {"name": "adamw", "lr": self.lr, "weight_decay": self.weight_decay},
                "schedule": {"name": "linear_warmup", "warmup_epochs": self.warmup / steps},
                "clipping": {"name": "norm", "threshold": self.clip},
                "training": {"max_epochs": self.epochs, "batch_size": self.batch_size, "precision": precision},
            }
        )


TASKS = {
    "digits": Task("digits", goal=0.99, lr=2e-3, warmup=102, epochs=12, clip=5.0, dropout=0.2),
    "strings": Task("strings", goal=0.01, lr=4e-3, warmup=94, epochs=15, clip=1.0, dropout=0.1),
}
