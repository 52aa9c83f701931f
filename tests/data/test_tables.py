"""Tables: columns that look like a list of utterances, made of many lines at once or of one, and kept."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asrtrain.data import kept_tables
from asrtrain.data.formats import FORMATS
from asrtrain.data.formats.entry import utterance_of
from asrtrain.data.formats.rows import IrregularError, Rows
from asrtrain.data.manifest import read_manifest, scan_manifest, write_manifest
from asrtrain.data.manifest_source import ManifestConfig
from asrtrain.data.splits import HeldOutConfig, hold_out
from asrtrain.data.stored_table import open_table, store_table
from asrtrain.data.strings import Strings, StringsBuilder
from asrtrain.types import Utterance

TEXTS = st.lists(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0")), max_size=8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in "abc":
        (tmp_path / f"{name}.wav").write_bytes(b"RIFF")
    return tmp_path


def rows(count: int) -> list[dict[str, object]]:
    return [
        {
            "audio_filepath": f"{'abc'[i % 3]}.wav",
            "text": f"größer {i} „nein“" if i % 7 else f"a \\ b {i}",
            "duration": 1 + i / 8,
            "offset": float(i),
            "speaker": f"s{i % 5}",
            "id": f"u{i}",
        }
        for i in range(count)
    ]


def lines_one_by_one(path: Path) -> list[Utterance]:
    """The manifest as the careful way reads it."""
    found = []
    for part in FORMATS["jsonl" if path.suffix == ".jsonl" else path.suffix[1:]].read(path, []):
        entries = part.entries() if isinstance(part, Rows) else part
        found += [utterance_of(entry, path.parent, []) for entry in entries]
    return [utterance for utterance in found if utterance]


@given(texts=TEXTS, data=st.data())
def test_strings_are_a_list_of_texts(texts: list[str], data: st.DataObject) -> None:
    builder = StringsBuilder()
    for some in (texts[:3], texts[3:]):
        builder.add(Strings.of(some))
    strings = builder.finish()
    assert list(strings) == list(Strings.of_each(texts)) == texts
    assert [strings[place] for place in range(len(texts))] == texts
    for _ in range(2):  # a choice, and a choice of that
        places = data.draw(st.lists(st.integers(0, len(texts) - 1), max_size=9)) if texts else []
        strings, texts = strings.at(np.array(places, np.int64)), [texts[place] for place in places]
        assert list(strings) == list(strings.packed()) == list(pickle.loads(pickle.dumps(strings))) == texts
        assert [strings[place] for place in range(len(texts))] == texts


def test_a_choice_is_sent_to_another_process_alone() -> None:
    strings = Strings.of([str(number) for number in range(10_000)])
    assert len(pickle.dumps(strings.at(np.array([7, 5])))) < 1000


@pytest.mark.parametrize("escape", [True, False])
@pytest.mark.parametrize("suffix", ["jsonl", "csv", "tsv"])
def test_many_lines_at_once_are_what_they_are_one_by_one(suffix: str, escape: bool, folder: Path) -> None:
    path = folder / f"m.{suffix}"
    if suffix == "jsonl":
        path.write_text("".join(json.dumps(row, ensure_ascii=escape) + "\n" for row in rows(4000)))
    else:
        write_manifest(
            [
                Utterance(r["id"], folder / r["audio_filepath"], r["text"], r["speaker"], r["duration"], r["offset"])
                for r in rows(4000)
            ],
            path,
        )
    parts = list(FORMATS[suffix].read(path, []))
    assert sum(len(part.lines) for part in parts if isinstance(part, Rows)) > 1000
    read = read_manifest(path)
    assert list(read) == lines_one_by_one(path)
    assert [read[place] for place in (0, 7, -1)] == [list(read)[place] for place in (0, 7, -1)]
    assert list(read[3:4000:500]) == list(read)[3:4000:500]
    assert len(read) == 4000


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        ({"duration": -1}, "the duration -1"),
        ({"duration": "3"}, "expected a number"),
        ({"text": " "}, "the text is empty"),
        ({"audio_filepath": "d.wav"}, "does not exist"),
        ({"audio_filepath": "http://x/a.wav"}, "is an address"),
        ({"audio_filepath": "sox a.wav |"}, "is a command"),
        ({"id": "u\t1"}, "control character"),
        ({"id": "u\x7f1"}, "control character"),
        ({"id": "u3"}, "is that of"),
        ({"text": "\ud800"}, "half a character"),
        ({"speaker": ["a"]}, "expected text"),
    ],
)
def test_one_bad_line_in_thousands_is_told_with_its_number(
    bad: dict[str, object], complaint: str, folder: Path
) -> None:
    every = rows(3000)
    every[1717] |= bad
    path = folder / "m.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in every))
    found, complaints = scan_manifest(path)
    assert len(found) == 2999
    (told,) = complaints
    assert str(told).startswith(f"{path}:1718: ")
    assert complaint in str(told)


def test_strange_json_is_looked_at_line_by_line(folder: Path) -> None:
    """What only looks like the lines around it: numbers that JSON has not, a tab, a key twice, no end."""
    plain = [json.dumps(row) for row in rows(60)]
    strange = [
        plain[0].replace('"duration": 1.0', '"duration": 01.0'),
        plain[1].replace('"duration": 1.125', '"duration": .125'),
        plain[2].replace('"text": "', '"text": "\t'),
        plain[3].replace('"id"', '"text"'),
        plain[4].replace("größer", "\\q"),
        plain[5][:-1],
    ]
    (folder / "m.jsonl").write_text("\n".join([*strange, *plain[6:]]) + "\n")
    found, complaints = scan_manifest(folder / "m.jsonl")
    assert [complaint.source.line for complaint in complaints if complaint.source] == [1, 2, 3, 4, 6]
    assert len(found) == 55


def test_what_was_read_is_kept_until_it_changes(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(kept_tables, "WORTH_KEEPING", 10)
    path, cache = folder / "m.jsonl", folder / "cache"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows(50)))
    source = ManifestConfig(path=path)
    first = list(source.load(cache))
    (kept,) = cache.iterdir()
    content = kept.read_bytes()
    again = source.load(cache)
    assert isinstance(again.durations.base, np.ndarray)  # type: ignore[attr-defined]
    assert list(again) == first
    assert not capsys.readouterr().err
    for place in (30, 4096, (4096 + len(content)) // 2, len(content) - 1):  # of the header, of the columns
        kept.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert list(source.load(cache)) == first
        assert kept.read_bytes() == content
        assert capsys.readouterr().err.count(f"{kept} is damaged") == 1
    kept.write_bytes(content[:-64])
    assert list(source.load(cache)) == first
    path.write_text(path.read_text().replace("u49", "u50"))
    assert [u.id for u in source.load(cache)][-1] == "u50"


def test_what_is_kept_is_found_from_another_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_tables, "WORTH_KEEPING", 10)
    (folder / "m.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows(50)))
    for place, path in ((folder.parent, Path(folder.name, "m.jsonl")), (folder, Path("m.jsonl"))):
        monkeypatch.chdir(place)
        assert all(utterance.audio.is_file() for utterance in ManifestConfig(path=path).load(folder / "cache"))


def test_a_stored_table_answers_to_its_key_alone(folder: Path) -> None:
    (folder / "m.csv").write_text("audio,text\na.wav,one\nb.wav,two\n")
    table = read_manifest(folder / "m.csv")
    store_table(table, folder / "t.bin", "key")
    assert open_table(folder / "t.bin", "other") is None
    assert open_table(folder / "none.bin", "key") is None
    found = open_table(folder / "t.bin", "key")
    assert found is not None
    assert list(found) == list(table)


@pytest.mark.parametrize("by", ["hash", "speaker"])
def test_a_table_is_divided_as_a_list_is(by: str, folder: Path) -> None:
    (folder / "m.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows(200)))
    table = read_manifest(folder / "m.jsonl")
    config = HeldOutConfig.model_validate({"by": by, "fraction": 0.2})
    for one, other in zip(hold_out(table, config), hold_out(list(table), config), strict=True):
        assert list(one) == other
        assert 0 < len(other) < 200
    changed = table.with_texts(str.upper)
    assert list(changed) == [replace(u, text=u.text.upper()) for u in table]


def test_a_kaldi_directory_in_order_is_what_it_is_out_of_order(corpora: Path, tmp_path: Path) -> None:
    folder = corpora / "speechocean762-train"
    for name in ("text", "utt2spk", "wav.scp"):
        lines = (folder / name).read_text().splitlines(keepends=True)
        (tmp_path / name).write_text("".join([*lines[1:], lines[0]] if name == "text" else lines))
    some = list(FORMATS["kaldi"].quickly(folder))  # type: ignore[misc]
    assert sum(len(rows.lines) for rows in some) == 2500
    with pytest.raises(IrregularError):
        list(FORMATS["kaldi"].quickly(tmp_path))  # type: ignore[misc]
    quick, careful = read_manifest(folder), read_manifest(tmp_path, audio_root=folder)
    assert [replace(u, source=None) for u in quick] == [replace(u, source=None) for u in careful]
    assert [u.source.line for u in quick if u.source] == [u.source.line for u in careful if u.source]


KALDI = {
    "wav.scp": "r1 a.wav\nr2 b.wav\n",
    "segments": "u1 r1 0.5 2.25\nu2 r1 3 -1\nu3 r2 0 1e1\n",
    "text": "u1 one\nu2 two  words\nu3 größer\n",
    "utt2spk": "u1 s1\nu2 u2\nu3 s2\n",
}


def _kaldi(folder: Path, files: dict[str, str]) -> Path:
    (folder / "kaldi").mkdir()
    for name, content in files.items():
        (folder / "kaldi" / name).write_text(content)
    for name in "ab":
        (folder / "kaldi" / f"{name}.wav").write_bytes(b"RIFF")
    return folder / "kaldi"


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"utt2dur": "u1 1.75\n", "reco2dur": "r1 9\n"},  # segments say it
        {"segments": "u1\tr1  0.5 2.25 \n u2 r1 3 -1\nu3 r2 0 1e1"},
        {"segments": "u1 r1 0.5 2.25\r\nu2 r1 3 -1\r\nu3 r2 0 1e1\r\n"},
        {"utt2spk": "u1 s 1\nu2  u2\nu3\tß\n"},
        {"text": " u1 one \nu2\u3000two words\nu3 \u3000größer\n"},
        {"wav.scp": "r1  a.wav\nr2\tb.wav \nr3 c.wav\n"},
    ],
)
def test_a_kaldi_directory_is_divided_at_once_as_it_is_line_by_line(changed: dict[str, str], folder: Path) -> None:
    path = _kaldi(folder, KALDI | changed)
    assert [len(rows.lines) for rows in FORMATS["kaldi"].quickly(path)] == [3]  # type: ignore[misc]
    (entries,) = FORMATS["kaldi"].read(path, [])
    assert isinstance(entries, list)
    assert list(read_manifest(path)) == [utterance_of(entry, path, []) for entry in entries]


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"segments": "u1 r1 0.5 2.25 7\nu2 r1 3 -1\nu3 r2 0 1\n"}, "expected 'u1', a recording"),
        ({"segments": "u1 r1 0.5 2.25\nu2 r1 3 nan\nu3 r2 0 1\n"}, "the duration nan"),
        ({"segments": "u1 r1 0.5 2.25\nu2 r9 3 -1\nu3 r2 0 1\n"}, "the recording 'r9' is not in wav.scp"),
        ({"segments": "u1 r1 0.5 0.5\nu2 r1 3 -1\nu3 r2 0 1\n"}, "the duration 0.0"),
        ({"wav.scp": "r1 a.wav\nr2 b.wav\nr2 a.wav\n"}, "'r2' was in line 2 already"),
        ({"text": "u1 one\nu2 two\nu3 three\nu4 four\n"}, "'u4' has a text but no audio"),
        ({"text": "u1 one\nu2\nu3 three\n"}, "the text is empty"),
        ({"text": "u1 one\nu2 two\n"}, "'u3' has audio but no line in text"),
    ],
)
def test_what_is_wrong_with_a_kaldi_directory_is_told_line_by_line(
    changed: dict[str, str], complaint: str, folder: Path
) -> None:
    _, complaints = scan_manifest(_kaldi(folder, KALDI | changed))
    assert [complaint in str(told) for told in complaints] == [True]
