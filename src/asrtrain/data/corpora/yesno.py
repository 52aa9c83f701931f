"""The yesno corpus: ``waves_yesno/0_1_0_1_0_0_1_1.wav``, eight Hebrew words a recording, as its name says."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal, final

from asrtrain.data.corpora.interface import Archive, Card, CorpusConfig
from asrtrain.data.corpora.layout import locate
from asrtrain.types import Utterance

_WORDS = {"0": "no", "1": "yes"}
_NAMES = "_".join(["[01]"] * 8) + ".wav"


@final
class YesNoConfig(CorpusConfig):
    """One man says yes (ken) and no (lo), eight words a recording. Transcripts are the English words."""

    card: ClassVar[Card] = Card(
        title="yesno: strings of eight times yes or no, one speaker, 8 kHz",
        language="Hebrew",
        size="60 recordings, 6 min, 5 MB",
        licence="CC BY-SA 3.0 US",
        homepage="https://www.openslr.org/1",
        splits=("train", "test"),
        archives=(
            Archive(
                "https://www.openslr.org/resources/1/waves_yesno.tar.gz",
                "sha256:c3f49e0cca421f96b75b41640749167b52118f232498667ca7a5f9416aef8e73",
            ),
        ),
    )

    name: Literal["yesno"] = "yesno"
    split: Literal["train", "test", "all"] = "train"
    """Kaldi's split: the first half of the names in alphabetical order is train, the second test."""

    def load(self, cache: Path) -> list[Utterance]:
        """List the split in the order of the names; nothing is written to ``cache``."""
        recordings = sorted(locate(self.folder, _NAMES, self.name).glob(_NAMES))
        half = len(recordings) // 2
        of_split = {"train": recordings[:half], "test": recordings[half:], "all": recordings}[self.split]
        return [Utterance(path.stem, path, _transcript(path.stem), "yesno") for path in of_split]


def _transcript(name: str) -> str:
    return " ".join(_WORDS[digit] for digit in name.split("_"))
