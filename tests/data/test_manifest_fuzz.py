"""Damaged manifests: whatever bytes are changed, the answer is utterances or one DataError, soon."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from asrtrain.data.manifest import FormatName, read_manifest
from asrtrain.errors import DataError

MUTANTS = 250
MANIFESTS: dict[FormatName, dict[str, str]] = {
    "csv": {"m.csv": 'id,audio,text,speaker,duration,offset\nx,a.wav,"yes, ""no""",s,0.5,0\ny,b.wav,größer,s,,\n'},
    "tsv": {"m.tsv": 'client_id\tpath\tsentence\ns\ta.wav\t"yes\nt\tb.wav\tनमस्ते\n'},
    "jsonl": {"m.jsonl": '{"audio_filepath": "a.wav", "text": "yes", "duration": 0.5}\n{"wav": "b.wav", "label": 7}\n'},
    "kaldi": {
        "wav.scp": "r a.wav\nq b.wav\n",
        "segments": "x r 0 0.5\ny q 0.25 -1\n",
        "text": "x YES\ny 你好\n",
        "utt2spk": "x s\ny t\n",
    },
    "ljspeech": {"metadata.csv": "a|YES!|yes\nb|no\n"},
}
# Bytes that mean something to one format or another, and some that mean nothing anywhere.
SPICE = [
    *b"\0\n\r\t ,;|\"'{}[]:\\/.-+eE09\xff\xfe\xc3\xef",
    b"\xef\xbb\xbf",
    b"NaN",
    b"1e999",
    b"null",
    b"\\ud800",
    b"../",
]


def mutated(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(changed) + 1)
        spice = rng.choice(SPICE)
        piece = bytes([spice]) if isinstance(spice, int) else spice
        changed[place : place + rng.choice((0, 0, 1, 5))] = rng.choice((piece, b"", bytes(changed[place : place + 9])))
    return bytes(changed)


@pytest.mark.parametrize("name", MANIFESTS)
def test_damaged_manifests_give_a_data_error_or_utterances(name: FormatName, tmp_path: Path) -> None:
    for audio in ("a.wav", "b.wav", "wavs/a.wav", "wavs/b.wav"):
        (tmp_path / audio).parent.mkdir(exist_ok=True)
        (tmp_path / audio).write_bytes(b"RIFF")
    files = MANIFESTS[name]
    path = tmp_path if name == "kaldi" else tmp_path / next(iter(files))
    rng = random.Random(name)
    outcomes = {"utterances": 0, "refused": 0}
    for number in range(MUTANTS + 1):
        damaged = rng.choice(list(files)) if number else None
        for file, content in files.items():
            (tmp_path / file).write_bytes(mutated(content.encode(), rng) if file == damaged else content.encode())
        try:
            utterances = read_manifest(path, name)
        except DataError as error:
            outcomes["refused"] += 1
            assert str(tmp_path) in str(error)
            str(error).encode()
        else:
            outcomes["utterances"] += 1
            assert all(utterance.text and utterance.id and utterance.audio.is_file() for utterance in utterances)
            assert number or len(utterances) == 2
    assert min(outcomes.values()) > 10, outcomes
