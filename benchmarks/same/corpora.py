"""Small corpora, laid out as the real ones: a part of the real recordings, or made-up ones where there are none."""

from __future__ import annotations

import csv
import shutil
import wave
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import numpy as np

KALDI = "speechocean762-train"
SENTENCES, WORDS = "sentences.csv", "own-words"
"""A table of sentences and a folder for each word, in place of what users have of their own."""
_INDICES = ("0", "5", "6", "7", "8")
"""The recordings of FSDD that are taken: for each speaker and digit one of the test part, and four to train on."""
_EVERY_SENTENCE, _EVERY_WORD = 10, 6
"""Of so many recordings one is taken."""
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_SPEAKERS = ("ann", "bob", "cid", "dan", "eve", "fay")


def write_corpora(corpora: Path, folder: Path) -> list[str]:
    """Write small corpora into a folder; returns the names of those that are made up."""
    makers = {
        "fsdd": (_some_digits, _tones_for_digits),
        KALDI: (_some_sentences, _tones_for_sentences),
        WORDS: (_some_words, _tones_for_words),
    }
    for name, (take, make_up) in makers.items():
        if (corpora / name).is_dir():
            take(corpora / name, folder / name)
        else:
            make_up(folder / name)
    _write_table(folder / KALDI, folder / SENTENCES)
    return [name for name in makers if not (corpora / name).is_dir()]


def _some_digits(corpus: Path, folder: Path) -> None:
    for path in sorted((corpus / "recordings").glob("*.wav")):
        if path.stem.split("_")[-1] in _INDICES:
            _copy(path, folder / "recordings" / path.name)


def _some_words(corpus: Path, folder: Path) -> None:
    for word in sorted(path for path in corpus.iterdir() if path.is_dir()):
        for path in sorted(word.iterdir())[::_EVERY_WORD]:
            _copy(path, folder / word.name / path.name)


def _some_sentences(corpus: Path, folder: Path) -> None:
    sounds, texts, speakers = (_lines(corpus / name)[::_EVERY_SENTENCE] for name in ("wav.scp", "text", "utt2spk"))
    for _, place in sounds:
        _copy(corpus / place, folder / place)
    _write_kaldi(folder, sounds, texts, speakers)


def _tones_for_digits(folder: Path) -> None:
    for (digit, word), speaker, index in product(enumerate(_DIGITS), _SPEAKERS, _INDICES):
        _speak([word], folder / "recordings" / f"{digit}_{speaker}_{index}.wav", 8000)


def _tones_for_words(folder: Path) -> None:
    for word, speaker, take in product(_DIGITS, _SPEAKERS, range(4)):
        _speak([word], folder / word / f"{speaker}-{take}.wav", 16000)


def _tones_for_sentences(folder: Path) -> None:
    sounds, texts, speakers = [], [], []
    for number in range(250):
        words = [_DIGITS[(number * step) % 10] for step in (1, 3, 7)]
        name = f"{number:04d}"
        _speak(words, folder / "audio" / f"{name}.wav", 16000)
        sounds.append((name, f"audio/{name}.wav"))
        texts.append((name, " ".join(words).upper()))
        speakers.append((name, f"{number // 10:02d}"))
    _write_kaldi(folder, sounds, texts, speakers)


def _speak(words: Sequence[str], path: Path, rate: int) -> None:
    """Write a tone a word, with noise, as WAV; what it is like follows from the file's name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(list(path.name.encode()))
    samples = np.concatenate(list(_tones(words, random, rate)))
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes((samples * 32767).astype("<i2").tobytes())


def _tones(words: Sequence[str], random: np.random.Generator, rate: int) -> Iterator[np.ndarray]:
    for word in words:
        time = np.arange(int(rate * random.uniform(0.4, 0.7))) / rate
        pitch = (200 + 150 * _DIGITS.index(word)) * random.uniform(0.97, 1.03)
        yield 0.3 * np.sin(2 * np.pi * pitch * time) * np.hanning(len(time)) + random.normal(0, 0.01, len(time))


def _write_table(corpus: Path, table: Path) -> None:
    """A Kaldi folder as a table of a user's own."""
    files = (_lines(corpus / name) for name in ("wav.scp", "text", "utt2spk"))
    with table.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("path", "text", "speaker"))
        for (_, place), (_, text), (_, speaker) in zip(*files, strict=True):
            rows.writerow((corpus / place, text, speaker))


def _lines(path: Path) -> list[tuple[str, str]]:
    """The lines of one of Kaldi's files: an utterance, and what is said of it."""
    pairs = (line.partition(" ") for line in path.read_text(encoding="utf-8").splitlines())
    return [(name, value) for name, _, value in pairs]


def _write_kaldi(folder: Path, *files: Sequence[tuple[str, str]]) -> None:
    for name, lines in zip(("wav.scp", "text", "utt2spk"), files, strict=True):
        text = "".join(f"{utterance} {value}\n" for utterance, value in lines)
        (folder / name).write_text(text, encoding="utf-8")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
