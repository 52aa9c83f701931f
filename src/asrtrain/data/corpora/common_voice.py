"""Common Voice: ``clips/*.mp3`` and a table for each split, one language a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal, final

from asrtrain.data.corpora.interface import Card, CorpusConfig
from asrtrain.data.corpora.layout import locate
from asrtrain.data.manifest import read_manifest
from asrtrain.types import Utterance


@final
class CommonVoiceConfig(CorpusConfig):
    """Sentences read by volunteers (Ardila et al., 2020); the speaker is the table's ``client_id``."""

    card: ClassVar[Card] = Card(
        title="Common Voice: sentences read by volunteers, MP3 at 32 or 48 kHz",
        language="more than 100, an archive each",
        size="minutes to 2,600 h",
        licence="CC0 1.0",
        homepage="https://commonvoice.mozilla.org/datasets",
        splits=("train", "dev", "test"),
    )

    name: Literal["common_voice"] = "common_voice"
    split: Literal["train", "dev", "test", "validated", "other"] = "train"
    """The corpus's own tables; train, dev and test are parts of validated and share no speaker."""

    def load(self, cache: Path) -> Sequence[Utterance]:
        """List the split in the order of its table; nothing is written to ``cache``."""
        table = f"{self.split}.tsv"
        return read_manifest(locate(self.folder, table, self.name) / table, "tsv")
