"""Data files that are wrong in every way seen so far: all complaints at once, a file and line each, no traceback."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asrtrain.data.manifest import read_manifest
from asrtrain.data.validation import validate_manifest
from asrtrain.errors import DataError


def recording(seconds: float = 0.1, *, form: str = "WAV", seed: int = 0) -> bytes:
    noise = np.random.default_rng(seed).uniform(-0.3, 0.3, round(8000 * seconds))
    stream = io.BytesIO()
    soundfile.write(stream, noise, 8000, format=form)
    return stream.getvalue()


GOOD = recording()


@dataclass(frozen=True)
class Case:
    """Files to make (besides the recordings a.wav and b.wav), the manifest among them, and what must be said of it.

    ``{m}`` in a sentence stands for the manifest's path, ``{f}`` for its folder. ``decoded``: only decoding shows it.
    """

    name: str
    manifest: str
    files: dict[str, str | bytes]
    sentences: tuple[str, ...]
    decoded: bool = False
    count: int | None = None

    def make(self, folder: Path) -> Path:
        for name, content in {"a.wav": GOOD, "b.wav": recording(seed=1), **self.files}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return folder / self.manifest

    def expected(self, path: Path) -> list[str]:
        return [sentence.replace("{m}", str(path)).replace("{f}", str(path.parent)) for sentence in self.sentences]


def table(name: str, content: str | bytes, *sentences: str, file: str = "m.csv", count: int | None = None) -> Case:
    """A manifest of one file; by default every sentence is one complaint."""
    return Case(name, file, {file: content}, sentences, count=len(sentences) if count is None else count)


def audio(name: str, content: bytes, sentence: str) -> Case:
    """A manifest whose one recording is wrong."""
    return Case(name, "m.csv", {"x.wav": content, "m.csv": "audio,text\na.wav,yes\nx.wav,no\n"}, (sentence,), True, 1)


def kaldi(name: str, files: dict[str, str | bytes], *sentences: str) -> Case:
    """A Kaldi data directory; the good one has utterances a and b."""
    good: dict[str, str | bytes] = {"k/wav.scp": "a ../a.wav\nb ../b.wav\n", "k/text": "a yes\nb no\n"}
    return Case(
        name, "k", good | {f"k/{file}": content for file, content in files.items()}, sentences, count=len(sentences)
    )


HEAD = "audio,text,duration,offset\n"
WAV_HEADER = GOOD[:44]

MALFORMED = (
    # Tables
    table("empty file", "", "{m}: no utterances in it"),
    table("header alone", "audio,text\n", "{m}: no utterances in it"),
    table("no header", "a.wav,yes\nb.wav,no\n", "{m}:1: nothing gives the audio (one of audio, audio_filepath"),
    table("no text column", "audio,words\na.wav,yes\n", "{m}:1: nothing gives the text (one of text, sentence"),
    table("two text columns", "audio,text,label\na.wav,yes,no\n", "{m}:1: 'text' and 'label' both give the text"),
    table("column twice", "audio,audio,text\na.wav,a.wav,no\n", "{m}:1: 'audio' and 'audio' both give the audio"),
    table(
        "column counts",
        "audio,text\na.wav\na.wav,yes,extra\nb.wav,no\n",
        "{m}:2: 1 columns, where the header has 2",
        "{m}:3: 3 columns, where the header has 2",
    ),
    table(
        "quote that never closes",
        'audio,text\na.wav,"yes\nb.wav,no\nc.wav,"x"y\n',
        "{m}:2: unexpected end of data",
        "{m}:4: ',' expected after '\"'",
    ),
    table("tab too many", "path\tsentence\na.wav\tyes\tno\n", "{m}:2: 3 columns, where the header has 2", file="m.tsv"),
    table("missing audio", "audio,text\nx.wav,yes\na.wav,no\n", "{m}:2: the audio file {f}/x.wav does not exist"),
    table("no audio", "audio,text\n,yes\n", "{m}:2: no audio file is named"),
    table("folder as audio", "audio,text\nd.wav,yes\n", "{m}:2: {f}/d.wav is not a file"),
    table("empty text", 'audio,text\na.wav,\nb.wav," "\n', "{m}:2: the text is empty", "{m}:3: the text is empty"),
    table("video", "audio,text\nclip.avi,yes\n", "{m}:2: 'clip.avi' is not a kind of audio that is read (.wav, .flac"),
    table("playlist", "audio,text\nlist.m3u8,yes\n", "{m}:2: 'list.m3u8' is not a kind of audio"),
    table("address", "audio,text\nhttps://example.org/a.wav,yes\n", "{m}:2: 'https://example.org/a.wav' is an address"),
    table("file address", "audio,text\nfile:///etc/a.wav,yes\n", "is an address; audio is read from files only"),
    table(
        "pipe", "audio,text\n| touch pwned.wav,yes\n", "{m}:2: '| touch pwned.wav' is a command; commands in data are"
    ),
    table(
        "durations and offsets",
        HEAD + "a.wav,a,nan,\na.wav,b,-1,\na.wav,c,0,\na.wav,d,inf,\na.wav,e,1s,\na.wav,f,,-0.5\na.wav,g,,nan\n"
        "a.wav,h,,1e308\n",
        "{m}:2: the duration 'nan' is not a positive number of seconds",
        "{m}:3: the duration '-1' is",
        "{m}:4: the duration '0' is",
        "{m}:5: the duration 'inf' is",
        "{m}:6: the duration '1s' is not a number of seconds",
        "{m}:7: the offset '-0.5' is not a non-negative number of seconds",
        "{m}:8: the offset 'nan' is",
        "{m}:9: the offset 1e308 is more than 100,000,000 seconds, three years",
    ),
    table("ids twice", "id,audio,text\nx,a.wav,yes\nx,b.wav,no\n", "{m}:3: the id 'x' is that of {m}:2 already"),
    table("audio twice", "audio,text\na.wav,yes\na.wav,yes\n", "{m}:3: the id 'a' is that of {m}:2 already"),
    table("bad UTF-8", b"audio,text\na.wav,gr\xfc\xdf\n", "{m}:2: not UTF-8 at byte 9 of the line (0xfc)"),
    table("UTF-16", "audio,text\na.wav,yes\n".encode("utf-16"), "{m}:1: the file is UTF-16; save it as UTF-8"),
    table("NUL bytes", b"audio,text\na.wav,y\0es\nb.wav,no\n", "{m}:2: a NUL byte"),
    table("endless line", b"audio,text\n" + b"a" * 2_000_000, "{m}:2: a line longer than 1 MiB"),
    table("endless path", f"audio,text\n{'a' * 5000}.wav,yes\n", "{m}:2: cannot open the audio file '"),
    table("audio pretending to be a manifest", GOOD, "{m}:1: a NUL byte: this is no text"),
    Case("no such file", "nowhere.csv", {}, ("{m}: no such file or folder",), count=1),
    # JSON Lines
    table(
        "bad JSON",
        '{"audio_filepath": "a.wav", "text": "yes"}\n{"audio_filepath": \n[1, 2]\n{"audio_filepath": "b.wav"}\n'
        '{"audio_filepath": 1.5, "text": "x"}\n{"audio_filepath": "b.wav", "text": ["x"]}\n',
        "{m}:2: not JSON at column",
        "{m}:3: expected an object",
        "{m}:4: nothing gives the text",
        "{m}:5: the audio is 1.5; expected text in quotes",
        '{m}:6: the text is ["x"]; expected text in quotes',
        file="m.jsonl",
    ),
    table(
        "bad JSON numbers",
        '{"audio_filepath": "a.wav", "text": "x", "duration": NaN}\n'
        '{"audio_filepath": "a.wav", "text": "x", "duration": "1.5"}\n'
        '{"audio_filepath": "a.wav", "text": "x", "duration": true}\n'
        '{"audio_filepath": "a.wav", "text": "x", "duration": 1e999}\n'
        f'{{"audio_filepath": "a.wav", "text": "x", "duration": {"9" * 5000}}}\n'
        f'{{"audio_filepath": "a.wav", "text": "x", "duration": {"9" * 400}}}\n',
        "{m}:1: NaN is not a number in JSON",
        '{m}:2: the duration is "1.5"; expected a number of seconds',
        "{m}:3: the duration is true; expected a number of seconds",
        "{m}:4: the duration inf is not a positive number",
        "{m}:5: 999999999999999999999999999999… is a number of 5000 digits",
        "{m}:6: 999999999999999999999999999999… is a number of 400 digits",
        file="m.jsonl",
    ),
    table(
        "half characters",
        '{"audio_filepath": "a.wav", "text": "\\ud800"}\n{"audio_filepath": "\\udc80.wav", "text": "x"}\n'
        '{"audio_filepath": "a\\u0000.wav", "text": "x"}\n{"audio_filepath": "a.wav", "text": "x", "id": "a\\nb"}\n',
        "{m}:1: the text '\\ud800' holds a NUL or half a character",
        "{m}:2: the audio path '\\udc80.wav' is not UTF-8",
        "{m}:3: the audio path 'a\\x00.wav' holds",
        "{m}:4: the id 'a\\nb' holds a tab, line break or control character",
        file="m.jsonl",
    ),
    table("key twice", '{"text": "a", "text": "b", "wav": "a.wav"}\n', "{m}:1: a key occurs twice", file="m.jsonl"),
    table("deep JSON", '{"text": ' + "[" * 100_000 + "\n", "{m}:1: JSON nested too deeply", file="m.jsonl"),
    table(
        "one object for all",
        '{\n  "a": {"wav": "a.wav", "text": "yes"},\n  "b": {"wav": "b.wav", "text": "no"}\n}\n',
        "{m}:1: one object holds all others ('a' is the first); write one object a line",
        file="m.json",
    ),
    table(
        "array cut off",
        '[\n  {"wav": "a.wav", "text": "yes"},\n  {"wav": "b.wav", "te',
        "{m}:3: not JSON at line 3, column 20",
        file="m.json",
    ),
    table("array without end", '[\n{"wav": "a.wav", "text": "yes"}\n', "{m}:3: the array of", file="m.json"),
    table("array of words", '["a.wav", "b.wav"]', "{m}:1: expected an object", file="m.json"),
    table("deep array", "[" * 100_000, "{m}:1: JSON nested too deeply", file="m.json"),
    table(
        "commands and addresses in JSON",
        '{"type": "command", "source": "touch pwned", "text": "x"}\n'
        '{"type": "url", "source": "http://x/a.wav", "text": "x"}\n',
        "{m}:1: audio of type 'command'; commands are never run",
        "{m}:2: audio of type 'url'",
        file="m.jsonl",
    ),
    # Kaldi
    kaldi(
        "pipes",
        {"wav.scp": "a sox ../a.wav -t wav - |\nb | touch pwned\n"},
        "{m}/wav.scp:1: 'sox ../a.wav -t wav - |' is a command; commands in data are never run: convert",
        "{m}/wav.scp:2: '| touch pwned' is a command",
    ),
    kaldi(
        "archive with offset",
        {"wav.scp": "a ../a.wav\nb wavs.ark:123\n"},
        "{m}/wav.scp:2: 'wavs.ark:123' is not a kind",
    ),
    kaldi("text missing", {"text": "a yes\n"}, "{m}/wav.scp:2: 'b' has audio but no line in text"),
    kaldi("audio missing", {"text": "a yes\nb no\nc x\n"}, "{m}/text:3: 'c' has a text but no audio"),
    kaldi(
        "utt2spk of other utterances",
        {"utt2spk": "x s\ny t\n"},
        "{m}/utt2spk:1: 'x' is no utterance: text has no such line, and so it is with 1 more",
        "{m}/text:1: 'a' has no line in utt2spk, and so it is with 1 more",
    ),
    kaldi("utt2spk of some", {"utt2spk": "a s\n"}, "{m}/text:2: 'b' has no line in utt2spk"),
    kaldi(
        "no id in common",
        {"text": "x yes\ny no\n"},
        "{m}/text:1: 'x' has a text but no audio, and so it is with all 2 ids of the file; {m}/wav.scp:1 has 'a'",
        "{m}/wav.scp:1: 'a' has audio but no line in text, and so it is with all 2 ids of the file; {m}/text:1 has",
    ),
    kaldi("empty Kaldi text", {"text": "a yes\nb\n"}, "{m}/text:2: the text is empty"),
    kaldi("Kaldi key twice", {"text": "a yes\nb no\na maybe\n"}, "{m}/text:3: 'a' was in line 1 already"),
    kaldi("audio of a key missing", {"wav.scp": "a ../a.wav\nb\n"}, "{m}/wav.scp:2: no audio file is named"),
    kaldi(
        "segments",
        {"segments": "a r 0\nb r 0 1\nc a x 1\n", "text": "a yes\nb no\nc x\n"},
        "{m}/segments:1: expected 'a', a recording, its start and end in seconds; found 'r 0'",
        "{m}/segments:2: the recording 'r' is not in wav.scp",
        "{m}/segments:3: expected 'c', a recording",
    ),
    kaldi(
        "segments backwards",
        {"segments": "a a 0.5 0.2\nb b -1 1\n"},
        "{m}/segments:1: the duration -0.3 is not a positive number",
        "{m}/segments:2: the offset -1.0 is not a non-negative number",
    ),
    Case("no text file", "k", {"k/wav.scp": "a ../a.wav\n"}, ("{m}/text: no such file",), count=1),
    # Folders
    Case("folder of nothing", "d", {"d/readme.txt": "x"}, ("{m}: no manifest that is known",), count=1),
    Case(
        "classes without audio", "d", {"d/yes/readme.txt": "x"}, ("{m}: no utterances in it, read as folder",), count=1
    ),
    Case(
        "loose, foreign and empty files",
        "d",
        {"d/yes/a.wav": GOOD, "d/loose.wav": GOOD, "d/yes/b.mkv": b"x", "d/no/c.wav": b""},
        (
            "{m}/loose.wav: lies beside the class folders",
            "{m}/yes/b.mkv: 'yes/b.mkv' is not a kind of audio that is read",
            "{m}/no/c.wav: the audio file {m}/no/c.wav is empty (0 bytes)",
        ),
        count=3,
    ),
    # LJSpeech
    Case(
        "LJSpeech columns",
        "lj/metadata.csv",
        {"lj/metadata.csv": "a|yes\nb|no|no|no\n|x\nc\nd|text\n", "lj/wavs/a.wav": GOOD},
        (
            "{m}:2: 4 columns; expected id|text|normalised text",
            "{m}:3: the id is empty",
            "{m}:4: 1 columns",
            "{m}:5: the audio file {f}/wavs/d.wav does not exist",
        ),
        count=4,
    ),
    # Recordings
    audio("text as audio", b"this is no audio at all", "{m}:3: {f}/x.wav: not a WAV, FLAC, Ogg/Opus or MP3 file"),
    audio("cut off", recording(1.0)[:4000], "{m}:3: {f}/x.wav: the file is cut short"),
    audio("header cut off", WAV_HEADER[:20], "{m}:3: {f}/x.wav: "),
    audio("no samples", recording(0.0), "{m}:3: {f}/x.wav: "),
    audio("silence", recording()[:44] + bytes(1600), "{m}:3: {f}/x.wav is silent: its samples swing by 0"),
    audio("five samples", recording(0.000625), "{m}:3: {f}/x.wav is 0.6 ms long"),
    audio("damaged FLAC", b"fLaC" + bytes(200), "{m}:3: {f}/x.wav: "),
    audio("the same audio", GOOD, "{m}:3: {f}/x.wav holds the same audio as 'a'"),
    Case(
        "offset beyond the end",
        "m.csv",
        {"m.csv": "audio,text,offset,duration\na.wav,yes,9,\nb.wav,no,,5\n"},
        ("{m}:2: {f}/a.wav: 9 s to the end is asked for", "{m}:3: {f}/b.wav: 0 s to 5 s is asked for"),
        True,
        2,
    ),
)


def test_the_table_is_large_enough_and_its_names_differ() -> None:
    assert len({case.name for case in MALFORMED}) == len(MALFORMED) >= 25


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "d.wav").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def complaints_of(call: Callable[[], object]) -> list[str]:
    with pytest.raises(DataError) as caught:
        call()
    assert caught.value.exit_code == 3
    return str(caught.value).splitlines()


@pytest.mark.parametrize("case", MALFORMED, ids=lambda case: case.name)
def test_everything_wrong_is_said_with_its_place(case: Case, folder: Path) -> None:
    path = case.make(folder)
    call = (lambda: validate_manifest(path).raise_errors()) if case.decoded else (lambda: read_manifest(path))
    said = complaints_of(call)
    for sentence in case.expected(path):
        assert any(sentence in line for line in said), f"{sentence!r} is not in {said}"
    assert case.count is None or len(said) == case.count, said
    assert not list(folder.rglob("*pwned*"))


@pytest.mark.parametrize("case", MALFORMED, ids=lambda case: case.name)
def test_validation_reports_the_same_and_goes_on(case: Case, folder: Path) -> None:
    path = case.make(folder)
    try:
        report = validate_manifest(path)
    except DataError as error:
        text = str(error)
    else:
        assert not report.ok
        text = report.to_text()
        assert len(report.to_json()["complaints"]) >= len(case.sentences)
    for sentence in case.expected(path):
        assert sentence in text


def test_all_complaints_are_counted_but_not_all_shown(folder: Path) -> None:
    path = folder / "m.csv"
    path.write_text("audio,text\n" + "".join(f"missing{number}.wav,yes\n" for number in range(173)))
    said = complaints_of(lambda: read_manifest(path))
    assert len(said) == 51
    assert said[-1] == "… and 123 more"


def test_a_pipe_in_the_file_system_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "m.csv")
    os.mkfifo(folder / "x.wav")
    (folder / "n.csv").write_text("audio,text\nx.wav,yes\n")
    assert "expected a file" in complaints_of(lambda: read_manifest(folder / "m.csv"))[0]
    assert "x.wav is not a file" in complaints_of(lambda: read_manifest(folder / "n.csv"))[0]
