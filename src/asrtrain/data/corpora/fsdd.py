"""The Free Spoken Digit Dataset: ``recordings/{digit}_{speaker}_{index}.wav``, English digits, 8 kHz."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, ClassVar, Literal, final

from pydantic import Strict

from asrtrain.data.corpora.interface import Archive, Card, CorpusConfig
from asrtrain.data.corpora.layout import locate
from asrtrain.data.digits import DigitText, digit_label
from asrtrain.errors import DataError
from asrtrain.types import Utterance

_HOME = "https://github.com/Jakobovski/free-spoken-digit-dataset"
_NAME = re.compile(r"(?P<digit>[0-9])_(?P<speaker>[^_]+)_(?P<index>[0-9]+)\.wav")
_FIRST_TRAINING_INDEX = 5


@final
class FSDDConfig(CorpusConfig):
    """Isolated digits. The official test split is each speaker's first five recordings of each digit."""

    card: ClassVar[Card] = Card(
        title="Free Spoken Digit Dataset: isolated digits, 6 speakers, 8 kHz",
        language="English",
        size="3,000 recordings, 0.4 h, 20 MB",
        licence="CC BY-SA 4.0",
        homepage=_HOME,
        splits=("train", "test"),
        archives=(Archive(f"{_HOME}/archive/refs/tags/v1.0.10.tar.gz"),),
    )

    name: Literal["fsdd"] = "fsdd"
    split: Literal["train", "test", "all"] = "train"
    """The official split: test is recordings 0 to 4 of every speaker and digit, train the others."""
    speakers: Annotated[tuple[str, ...], Strict(False)] | None = None
    """Keep these speakers only; null keeps all."""
    exclude_speakers: Annotated[tuple[str, ...], Strict(False)] = ()
    """Leave these speakers out."""
    text: DigitText = "words"
    """Write labels as words (seven) or as digits (7)."""

    def load(self, cache: Path) -> list[Utterance]:
        """List the split in the order of the names; nothing is written to ``cache``."""
        recordings = locate(self.folder, "[0-9]_*_*.wav", self.name)
        matches = [(path, _NAME.fullmatch(path.name)) for path in sorted(recordings.glob("*.wav"))]
        misnamed = [path for path, match in matches if match is None]
        if misnamed:
            raise DataError("\n".join(f"{path}: not named {{digit}}_{{speaker}}_{{index}}.wav" for path in misnamed))
        found = [(path, match) for path, match in matches if match]
        self._check_speakers({match["speaker"] for _, match in found})
        return [
            Utterance(path.stem, path, digit_label(int(match["digit"]), self.text), match["speaker"])
            for path, match in found
            if self._keeps(match["speaker"], int(match["index"]))
        ]

    def _check_speakers(self, present: set[str]) -> None:
        unknown = sorted({*(self.speakers or ()), *self.exclude_speakers} - present)
        if unknown:
            raise DataError(f"{self.folder}: no speaker {', '.join(unknown)}; there are {', '.join(sorted(present))}")

    def _keeps(self, speaker: str, index: int) -> bool:
        split = "train" if index >= _FIRST_TRAINING_INDEX else "test"
        wanted = self.speakers is None or speaker in self.speakers
        return wanted and speaker not in self.exclude_speakers and self.split in (split, "all")
