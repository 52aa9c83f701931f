"""Every manifest format: what is written is read again, and what other tools write is understood."""

from __future__ import annotations

import errno
import json
import os
import string
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from asrtrain.data.conversion import convert_manifest
from asrtrain.data.formats import FORMATS
from asrtrain.data.interface import AUDIO_SUFFIXES
from asrtrain.data.manifest import FormatName, detect_format, read_manifest, write_manifest
from asrtrain.data.manifest_source import ManifestConfig
from asrtrain.errors import DataError
from asrtrain.types import Utterance

NAMES: dict[str, str] = {"csv": "m.csv", "tsv": "m.tsv", "jsonl": "m.jsonl"}
ONE_FILE = tuple(NAMES)
BY_REFERENCE = tuple(name for name, form in FORMATS.items() if not form.copies_audio)


def destination(folder: Path, name: str) -> Path:
    return folder / NAMES.get(name, name)


def write(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode())
    return path


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    """A folder with a.wav to d.wav: a tenth of a second of noise each."""
    for seed, name in enumerate("abcd"):
        noise = np.random.default_rng(seed).uniform(-0.3, 0.3, 800).astype(np.float32)
        soundfile.write(tmp_path / f"{name}.wav", noise, 8000)
    return tmp_path


def digits(fsdd: Path) -> list[Utterance]:
    """Sixty real recordings: one of each digit and speaker."""
    return [
        Utterance(path.stem, path, path.stem[0], path.stem.split("_")[1]) for path in sorted(fsdd.glob("?_*_7.wav"))
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_real_labels_survive(name: FormatName, fsdd: Path, tmp_path: Path) -> None:
    written = digits(fsdd)
    path = destination(tmp_path, name)
    write_manifest(written, path, name)
    assert detect_format(path) == name
    read = read_manifest(path)
    assert {(u.text, u.audio.name, u.audio.read_bytes()) for u in read} == {
        (u.text, u.audio.name, u.audio.read_bytes()) for u in written
    }
    if not FORMATS[name].copies_audio:
        assert sorted((replace(u, source=None) for u in read), key=lambda u: u.id) == sorted(
            written, key=lambda u: u.id
        )
    assert all(u.source is not None for u in read)


@pytest.mark.parametrize("name", BY_REFERENCE)
def test_a_real_kaldi_directory_goes_through_every_format_and_back(
    name: FormatName, corpora: Path, tmp_path: Path
) -> None:
    original = read_manifest(corpora / "speechocean762-train")
    assert len(original) == 2500
    assert len({u.speaker for u in original}) == 125
    there, back = destination(tmp_path, name), tmp_path / "back"
    assert convert_manifest(corpora / "speechocean762-train", there, name) == 2500
    assert convert_manifest(there, back, "kaldi") == 2500
    for kept in ("text", "utt2spk"):
        assert (back / kept).read_text().split() == (corpora / "speechocean762-train" / kept).read_text().split()
    assert [(u.id, u.text, u.speaker, u.audio.name) for u in read_manifest(back)] == [
        (u.id, u.text, u.speaker, u.audio.name) for u in original
    ]


def test_real_sentences_survive_ljspeech(corpora: Path, tmp_path: Path) -> None:
    some = read_manifest(corpora / "speechocean762-train")[:5]
    write_manifest(some, tmp_path / "copy" / "metadata.csv", "ljspeech")
    read = read_manifest(tmp_path / "copy" / "metadata.csv")
    assert [(u.id, u.text, u.audio.read_bytes()) for u in read] == [(u.id, u.text, u.audio.read_bytes()) for u in some]
    assert (tmp_path / "copy" / "metadata.csv").read_text().startswith("000010011|WE CALL IT BEAR|WE CALL IT BEAR\n")


TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0")).map(
    lambda text: " ".join(text.split())
)
ID = st.text(string.ascii_letters + string.digits + "-_./äß你", min_size=1)
SECONDS = st.floats(0.001, 1e6)


@pytest.mark.parametrize("name", BY_REFERENCE)
@given(
    rows=st.lists(
        st.tuples(ID, TEXT.filter(bool), ID, st.none() | SECONDS), min_size=1, max_size=4, unique_by=lambda row: row[0]
    )
)
def test_any_text_survives(
    name: FormatName, rows: list[tuple[str, str, str, float | None]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("any")
    utterances = []
    for number, (identifier, text, speaker, duration) in enumerate(rows):
        (folder / f"{number}.wav").write_bytes(b"RIFF")
        known = "" if name == "kaldi" and speaker == identifier else speaker
        utterances.append(Utterance(identifier, folder / f"{number}.wav", text, known, duration))
    if name == "kaldi" and any(u.duration is None for u in utterances):
        utterances = [replace(u, duration=None) for u in utterances]
    path = destination(folder, name)
    write_manifest(utterances, path, name)
    read = [replace(u, source=None) for u in read_manifest(path, name, folder if name == "kaldi" else None)]
    assert sorted(read, key=lambda u: u.id) == sorted(utterances, key=lambda u: u.id)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("label", ["नमस्ते", "你好", "مرحبا", "größer", "turn left"])
def test_labels_in_any_script_survive(name: FormatName, label: str, audio: Path) -> None:
    path = destination(audio / "out", name)
    write_manifest([Utterance("a", audio / "a.wav", label)], path, name)
    assert [u.text for u in read_manifest(path)] == [label]


@pytest.mark.parametrize("name", BY_REFERENCE)
def test_parts_of_recordings_survive(name: FormatName, audio: Path) -> None:
    parts = [
        Utterance("first", audio / "a.wav", "one", "s", 0.025, 0.0),
        Utterance("second", audio / "a.wav", "two", "s", 0.03, 0.0625),
    ]
    path = destination(audio, name)
    write_manifest(parts, path, name)
    read = {u.id: u for u in read_manifest(path)}
    for part in parts:
        assert read[part.id].offset == part.offset
        assert read[part.id].duration == pytest.approx(part.duration)


@pytest.mark.parametrize("name", [name for name, form in FORMATS.items() if form.copies_audio])
def test_formats_of_whole_files_refuse_parts(name: FormatName, audio: Path) -> None:
    part = Utterance("a", audio / "a.wav", "one", offset=0.5)
    with pytest.raises(DataError, match="part of a recording"):
        write_manifest([part], audio / "out", name)
    assert not (audio / "out").exists()


@pytest.mark.parametrize("name", [name for name, form in FORMATS.items() if form.copies_audio])
@pytest.mark.parametrize(
    "ids", [("x/a", "x_a"), ("..", "../../b"), ("/etc/a", "x" * 300), ("a", "A"), ("CON", "a\x1bb\t")]
)
def test_ids_become_names_of_files_that_differ_and_stay_inside(
    ids: tuple[str, str], name: FormatName, audio: Path, tmp_path: Path
) -> None:
    before = sorted(tmp_path.rglob("*"))
    write_manifest([Utterance(id, audio / "a.wav", "one") for id in ids], tmp_path / "out", name)
    inside = sorted((tmp_path / "out").rglob("*"))
    assert sorted(tmp_path.rglob("*")) == sorted([*before, tmp_path / "out", *inside])
    written = read_manifest(tmp_path / "out")
    assert len({str(u.audio).casefold() for u in written}) == 2
    assert all(u.audio.is_file() for u in written)


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in ("csv", "tsv", "jsonl")])
def test_half_a_corpus_is_not_left_on_a_full_disk(
    name: FormatName, audio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = os.strerror(errno.ENOSPC)
    calls = 0

    def fsync(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError(errno.ENOSPC, full)

    monkeypatch.setattr(os, "fsync", fsync)
    utterances = [Utterance(id, audio / "a.wav", "one") for id in "abc"]
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DataError, match=full):
        write_manifest(utterances, tmp_path / "out", name)
    assert calls == 2
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "utterance", "complaint"),
    [
        ("kaldi", Utterance("turn left/a", Path("a.wav"), "left"), "no white space; 'turn left/a' does"),
        ("kaldi", Utterance("a", Path("a.wav"), "left", "Mr X"), "hold no white space"),
        ("folder", Utterance("a", Path("a.wav"), "and/or"), "'and/or' cannot name a folder"),
        ("folder", Utterance("a", Path("a.wav"), "..", ""), "'..' cannot name a folder"),
        ("folder", Utterance("a", Path("missing.wav"), "yes"), "cannot copy missing.wav"),
        ("ljspeech", Utterance("a", Path("a.wav"), "a|b"), "a bar divides the columns"),
        (None, Utterance("a", Path("a.wav"), "b"), "which format"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(
    name: FormatName | None, utterance: Utterance, complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=complaint):
        write_manifest([utterance], tmp_path / "out", name)


def test_audio_below_the_manifest_is_written_relative_so_that_the_folder_can_move(audio: Path) -> None:
    write_manifest([Utterance("a", audio / "a.wav", "yes")], audio / "m.csv")
    write_manifest([Utterance("a", audio / "a.wav", "yes")], audio / "deeper" / "m.csv")
    assert (audio / "m.csv").read_text() == "id,audio,text,speaker,duration,offset\na,a.wav,yes,,,\n"
    assert str(audio / "a.wav") in (audio / "deeper" / "m.csv").read_text()
    moved = audio.rename(audio.with_name("moved"))
    assert read_manifest(moved / "m.csv")[0].audio == moved / "a.wav"


HEADERS = {
    "ours": "id,audio,text,speaker",
    "hugging face": "audio,sentence",
    "deepspeech": "wav_filename,wav_filesize,transcript",
    "speechbrain": "ID,duration,wav,spk_id,wrd",
    "labels": "file,label",
}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize("name", ["m.csv", "m.tsv", "m.txt", "m"])
def test_headers_and_delimiters_of_the_ecosystem(header: str, delimiter: str, name: str, audio: Path) -> None:
    row = {"duration": "0.1", "wav_filesize": "1644", "ID": "x", "id": "x"}
    cells = [
        row.get(column, "a.wav" if column in ("audio", "wav", "wav_filename", "file") else "hello")
        for column in header.split(",")
    ]
    path = write(audio, name, f"{header.replace(',', delimiter)}\n{delimiter.join(cells)}\n")
    (utterance,) = read_manifest(path)
    assert (utterance.audio, utterance.text) == (audio / "a.wav", "hello")
    assert utterance.id == ("x" if "id" in header.lower().split(",") else "a")


@pytest.mark.parametrize(
    "keys",
    [
        ("audio_filepath", "text"),
        ("wav", "txt"),
        ("source", "target"),
        ("audio_filename", "sentence"),
        ("path", "label"),
    ],
    ids=["nemo", "wenet", "funasr", "riva", "labels"],
)
def test_json_keys_of_the_ecosystem(keys: tuple[str, str], audio: Path) -> None:
    line = json.dumps({keys[0]: "a.wav", keys[1]: "hello", "duration": 0.05, "offset": 0.02, "key": 7, "lang": "en"})
    (utterance,) = read_manifest(write(audio, "m.json", f"{line}\n\n"))
    assert replace(utterance, source=None) == Utterance("7", audio / "a.wav", "hello", "", 0.05, 0.02)


ROWS = [{"audio": "a.wav", "text": "one"}, {"audio": "b.wav", "text": "two"}]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2),
        "\n".join(json.dumps(row, indent=4) for row in ROWS),
        "[\n" + ",\n".join(json.dumps(row) for row in ROWS) + "\n]\n",
    ],
    ids=["array", "pretty array", "pretty objects", "array of lines"],
)
def test_json_whose_objects_are_no_lines_is_read(text: str, audio: Path) -> None:
    path = write(audio, "m.json", text)
    read = read_manifest(path)
    assert [(u.audio.name, u.text) for u in read] == [("a.wav", "one"), ("b.wav", "two")]
    for utterance in read:
        assert utterance.source is not None
        assert utterance.source.line is not None
        assert utterance.audio.name in "\n".join(text.splitlines()[utterance.source.line - 1 :])


def test_common_voice(audio: Path) -> None:
    """Its tables name recordings without their folder, and quotes in its sentences are text."""
    (audio / "clips").mkdir()
    rows = ["client_id\tpath\tsentence\tup_votes"]
    for number in range(200):
        (audio / "clips" / f"{number}.mp3").write_bytes(b"ID3")
        rows.append(f"s{number % 7}\t{number}.mp3\t{'“' if number % 2 else chr(34)}He said {number}\t2")
    utterances = read_manifest(write(audio, "validated.tsv", "\r\n".join(rows)))
    assert len(utterances) == 200
    assert utterances[4].text == '"He said 4'
    assert utterances[4].audio == audio / "clips" / "4.mp3"
    assert utterances[4].speaker == "s4"
    assert str(utterances[4].source) == f"{audio / 'validated.tsv'}:6"


def test_a_quoted_field_may_hold_the_delimiter_and_quotes(audio: Path) -> None:
    path = write(audio, "m.csv", 'audio,text\na.wav,"""Yes"", she said, twice"\nb.wav,a 5" nail\n')
    assert [u.text for u in read_manifest(path)] == ['"Yes", she said, twice', 'a 5" nail']


def test_marks_of_editors_are_no_text(audio: Path) -> None:
    path = write(audio, "m.csv", "\ufeffaudio,text\r\na.wav,größer\r\n\r\n")
    assert [u.text for u in read_manifest(path)] == ["größer"]


def test_a_kaldi_directory_with_segments_and_durations(audio: Path) -> None:
    write(audio, "wav.scp", "rec2 b.wav\nrec1   a.wav\n")
    write(audio, "segments", "u2 rec1 0.05 -1\nu1 rec1 0 0.05\nu3 rec2 0.01 0.09\n")
    write(audio, "text", "u1 one\nu3 three three\nu2\ttwo\n")
    write(audio, "utt2spk", "u1 s\nu2 s\nu3 u3\n")
    read = {u.id: u for u in read_manifest(audio)}
    assert {name: (u.audio.name, u.text, u.speaker, u.offset) for name, u in read.items()} == {
        "u1": ("a.wav", "one", "s", 0.0),
        "u2": ("a.wav", "two", "s", 0.05),
        "u3": ("b.wav", "three three", "", 0.01),
    }
    assert read["u2"].duration is None
    assert read["u3"].duration == pytest.approx(0.08)
    (audio / "segments").unlink()
    (audio / "utt2spk").unlink()
    write(audio, "text", "rec1 one\nrec2 two\n")
    write(audio, "reco2dur", "rec1 0.1\nrec2 0.2\n")
    write(audio, "utt2dur", "rec2 0.1\n")
    assert [u.duration for u in read_manifest(audio / "wav.scp")] == [0.1, 0.1]


def test_a_folder_per_class(audio: Path) -> None:
    for place in (
        "yes/0a_nohash_0.wav",
        "no/x.FLAC",
        "no/deep/y.wav",
        "_background_noise_/n.wav",
        ".git/a.wav",
        "no/.h.wav",
    ):
        write(audio, f"words/{place}", "RIFF")
    write(audio, "words/README.md", "")
    write(audio, "words/no/notes.txt", "")
    (audio / "words" / "linked").symlink_to(audio / "words" / "yes")
    (audio / "words" / "yes" / "circle").symlink_to(audio / "words")
    assert [(u.id, u.text, u.speaker) for u in read_manifest(audio / "words")] == [
        ("linked/0a_nohash_0", "linked", "0a"),
        ("no/deep/y", "no", ""),
        ("no/x", "no", ""),
        ("yes/0a_nohash_0", "yes", "0a"),
    ]


def test_ljspeech_prefers_the_normalised_text(audio: Path) -> None:
    write(audio, "lj/metadata.csv", 'LJ1|Dr. "X" 5|Doctor X five\nLJ2|plain\nLJ3|only raw|\n')
    for name in ("LJ1", "LJ2", "LJ3"):
        write(audio, f"lj/wavs/{name}.wav", "RIFF")
    for path in (audio / "lj", audio / "lj" / "metadata.csv"):
        assert [(u.id, u.text) for u in read_manifest(path)] == [
            ("LJ1", "Doctor X five"),
            ("LJ2", "plain"),
            ("LJ3", "only raw"),
        ]


def test_audio_root_and_the_default_id(audio: Path) -> None:
    path = write(audio, "lists/m.csv", "audio,text,offset\nsub/a.wav,one,\nsub/a.wav,two,0.5\n")
    write(audio, "root/sub/a.wav", "RIFF")
    source = ManifestConfig(path=path, audio_root=audio / "root")
    assert [(u.id, u.audio) for u in source.load(audio)] == [
        ("sub/a", audio / "root" / "sub" / "a.wav"),
        ("sub/a@0.5", audio / "root" / "sub" / "a.wav"),
    ]


def test_every_kind_of_audio_may_stand_in_a_manifest(audio: Path) -> None:
    rows = ["audio,text"]
    for suffix in (*AUDIO_SUFFIXES, ".WAV"):
        write(audio, f"x{suffix}", "RIFF")
        rows.append(f"x{suffix},{suffix}")
    path = write(audio, "m.csv", "id," + "\n".join(f"{number},{row}" for number, row in enumerate(rows))[2:])
    assert len(read_manifest(path)) == len(AUDIO_SUFFIXES) + 1


def test_converting_does_not_overwrite(audio: Path) -> None:
    path = write(audio, "m.csv", "audio,text\na.wav,yes\n")
    convert_manifest(path, audio / "m.jsonl")
    with pytest.raises(DataError, match=r"m\.jsonl exists already"):
        convert_manifest(path, audio / "m.jsonl")
    with pytest.raises(DataError, match="exists already"):
        convert_manifest(path, audio, "kaldi")


def test_an_unwritable_place_is_named(audio: Path) -> None:
    with pytest.raises(DataError, match="cannot write"):
        write_manifest([Utterance("a", audio / "a.wav", "yes")], audio / "a.wav" / "m.csv")
