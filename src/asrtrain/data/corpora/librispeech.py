"""LibriSpeech and its five-hour excerpt: ``SPLIT/SPEAKER/CHAPTER/SPEAKER-CHAPTER-NNNN.flac`` beside ``….trans.txt``."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal, final

from asrtrain.data.complaints import Complaint, raise_any
from asrtrain.data.corpora.interface import Archive, Card, CorpusConfig
from asrtrain.data.corpora.layout import locate
from asrtrain.data.formats.lines import read_lines
from asrtrain.types import Source, Utterance

_CHECKSUMS = {
    "train-clean-100": "sha256:d4ddd1d5a6ab303066f14971d768ee43278a5f2a0aa43dc716b0e64ecbbbf6e2",
    "train-clean-360": "sha256:146a56496217e96c14334a160df97fffedd6e0a04e66b9c5af0d40be3c792ecf",
    "train-other-500": "sha256:ddb22f27f96ec163645d53215559df6aa36515f26e01dd70798188350adcb6d2",
    "dev-clean": "sha256:76f87d090650617fca0cac8f88b9416e0ebf80350acb97b343a85fa903728ab3",
    "dev-other": "sha256:12661c48e8c3fe1de2c1caa4c3e135193bfb1811584f11f569dd12645aa84365",
    "test-clean": "sha256:39fde525e59672dc6d1551919b1478f724438a95aa55f874b576be21967e6c23",
    "test-other": "sha256:d09c181bba5cf717b3dee7d4d592af11a3ee3a09e08ae025c5506f6ebe961c29",
}
_MINI_CHECKSUMS = {
    "train-clean-5": "md5:5df7d4e78065366204ca6845bb08f490",
    "dev-clean-2": "md5:6d7ab67ac6a1d2c993d050e16d61080d",
}
_Split = Literal[
    "train-clean-100", "train-clean-360", "train-other-500", "dev-clean", "dev-other", "test-clean", "test-other"
]


def _archives(resource: int, checksums: dict[str, str]) -> tuple[Archive, ...]:
    address = f"https://www.openslr.org/resources/{resource}"
    return tuple(Archive(f"{address}/{split}.tar.gz", checksum, split) for split, checksum in checksums.items())


@final
class LibriSpeechConfig(CorpusConfig):
    """Read English books (Panayotov et al., 2015), in upper case without punctuation."""

    card: ClassVar[Card] = Card(
        title="LibriSpeech: read English books, 2,484 speakers, 16 kHz",
        language="English",
        size="292,367 utterances, 982 h, 60 GB in seven parts",
        licence="CC BY 4.0",
        homepage="https://www.openslr.org/12",
        splits=tuple(_CHECKSUMS),
        archives=_archives(12, _CHECKSUMS),
    )

    name: Literal["librispeech"] = "librispeech"
    split: _Split = "train-clean-100"
    """One of the corpus's own parts; give a list of sources to train on several."""

    def load(self, cache: Path) -> list[Utterance]:
        """List the split by speaker, chapter and place in the chapter; nothing is written to ``cache``."""
        return _read(self.folder, self.split, self.name)


@final
class MiniLibriSpeechConfig(CorpusConfig):
    """Seven hours of LibriSpeech, for trying things out."""

    card: ClassVar[Card] = Card(
        title="Mini LibriSpeech: an excerpt of LibriSpeech to try things out, 16 kHz",
        language="English",
        size="2,608 utterances, 7 h, 0.5 GB in two parts",
        licence="CC BY 4.0",
        homepage="https://www.openslr.org/31",
        splits=tuple(_MINI_CHECKSUMS),
        archives=_archives(31, _MINI_CHECKSUMS),
    )

    name: Literal["mini_librispeech"] = "mini_librispeech"
    split: Literal["train-clean-5", "dev-clean-2"] = "train-clean-5"
    """One of the corpus's own parts."""

    def load(self, cache: Path) -> list[Utterance]:
        """List the split by speaker, chapter and place in the chapter; nothing is written to ``cache``."""
        return _read(self.folder, self.split, self.name)


def _read(folder: Path, split: str, corpus: str) -> list[Utterance]:
    complaints: list[Complaint] = []
    utterances = []
    transcripts = f"{split}/*/*/*.trans.txt"
    for transcript in sorted(locate(folder, transcripts, corpus).glob(transcripts)):
        speaker = transcript.parent.parent.name
        for number, line in read_lines(transcript, complaints):
            name, _, text = line.partition(" ")
            source = Source(transcript, number)
            audio = transcript.with_name(f"{name}.flac")
            if not audio.is_file():
                complaints.append(Complaint("missing_audio", f"there is no {audio.name} beside it", source, name))
            utterances.append(Utterance(name, audio, text.strip(), speaker, source=source))
    raise_any(complaints)
    return utterances
