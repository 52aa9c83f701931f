"""Small corpora in the layouts that the real ones are published in: a few seconds of generated sound each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile


def sound(path: Path, rate: int, seconds: float = 0.3, **how: str) -> None:
    """A tone in noise, in the format of the suffix, or as ``how`` says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.Generator(np.random.PCG64(len(path.name)))
    time = np.arange(round(seconds * rate)) / rate
    samples = 0.3 * np.sin(2 * np.pi * 440 * time) + 0.01 * random.standard_normal(len(time))
    soundfile.write(path, samples, rate, **how)


def text(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def fsdd(root: Path) -> None:
    """As in the archives of the repository's tags."""
    home = root / "free-spoken-digit-dataset-1.0.10"
    text(home / "README.md", "# Free Spoken Digit Dataset (FSDD)")
    for digit in range(10):
        for speaker in ("george", "theo"):
            for index in (0, 4, 5, 49):
                sound(home / "recordings" / f"{digit}_{speaker}_{index}.wav", 8000)


def speech_commands(root: Path) -> None:
    """As in version 0.02: no folder around it, and the list of training files is what the others leave."""
    for word in ("yes", "no", "tree", "zero"):
        for speaker in ("0a7c2a8d", "1b4c9b89", "2aca1e72"):
            for number in (0, 1):
                sound(root / word / f"{speaker}_nohash_{number}.wav", 16000)
    for noise in ("doing_the_dishes", "pink_noise"):
        sound(root / "_background_noise_" / f"{noise}.wav", 16000, seconds=3)
    text(root / "validation_list.txt", *(f"{word}/1b4c9b89_nohash_{n}.wav" for word in ("yes", "no") for n in (0, 1)))
    text(root / "testing_list.txt", *(f"{word}/2aca1e72_nohash_0.wav" for word in ("yes", "tree")))
    text(root / "LICENSE", "Creative Commons Attribution 4.0")


def yesno(root: Path) -> None:
    names = ("0_0_0_0_1_1_1_1", "0_0_0_1_0_0_0_1", "1_0_1_0_1_0_0_1", "1_1_1_1_1_1_1_1")
    for name in names:
        sound(root / "waves_yesno" / f"{name}.wav", 8000, seconds=1)
    text(root / "waves_yesno" / "README~", "yes and no")


def an4(root: Path) -> None:
    """As in an4_sphere.tar.gz."""
    train = {"an4_clstk/fash/an251-fash-b": "YES", "an4_clstk/fash/cen7-fash-b": "TWO SIX EIGHT FOUR FOUR ONE EIGHT"}
    test = {"an4test_clstk/fcaw/an406-fcaw-b": "RUBOUT G M E F THREE NINE"}
    home = root / "an4"
    text(home / "etc" / "an4_train.fileids", *train)
    text(home / "etc" / "an4_test.fileids", *test)
    text(
        home / "etc" / "an4_train.transcription",
        *(f"<s> {words} </s> ({Path(name).name})" for name, words in train.items()),
    )
    text(home / "etc" / "an4_test.transcription", *(f"{words} ({Path(name).name})" for name, words in test.items()))
    for name in (*train, *test):
        sound(home / "wav" / f"{name}.sph", 16000, format="NIST", subtype="PCM_16", endian="BIG")


def librispeech(*splits: str) -> Callable[[Path], None]:
    """As in the archive of one split (or of more, unpacked over each other)."""

    def make(root: Path) -> None:
        for split in splits:
            # In the corpus itself, too, no speaker is in two splits.
            for speaker, chapter in ((f"{len(split)}4", "121123"), (f"{len(split)}74", "50561")):
                folder = root / "LibriSpeech" / split / speaker / chapter
                names = [f"{speaker}-{chapter}-{number:04d}" for number in (0, 1)]
                for name in names:
                    sound(folder / f"{name}.flac", 16000)
                text(folder / f"{speaker}-{chapter}.trans.txt", *(f"{name} GO DO YOU HEAR" for name in names))
        text(root / "LibriSpeech" / "SPEAKERS.TXT", "; speakers")

    return make


def common_voice(root: Path) -> None:
    """As in version 17: the quotation marks are the sentence's own."""
    home = root / "cv-corpus-17.0-2024-03-15" / "cy"
    columns = ("client_id", "path", "sentence_id", "sentence", "sentence_domain", "up_votes", "down_votes", "age")
    sentences = ('"Helo", meddai hi.', "Ble mae’r tŷ?")
    for number, split in enumerate(("train", "dev", "test")):
        rows = [
            (f"{split}{n}", f"common_voice_cy_{number}{n}.mp3", "5a", sentence, "", "2", "0", "")
            for n, sentence in enumerate(sentences)
        ]
        text(home / f"{split}.tsv", *("\t".join(row) for row in (columns, *rows)))
        for row in rows:
            sound(home / "clips" / row[1], 32000)


LAYOUTS: dict[str, Callable[[Path], None]] = {
    "an4": an4,
    "common_voice": common_voice,
    "fsdd": fsdd,
    "librispeech": librispeech("train-clean-100", "dev-clean", "test-clean"),
    "mini_librispeech": librispeech("train-clean-5", "dev-clean-2"),
    "speech_commands": speech_commands,
    "yesno": yesno,
}
