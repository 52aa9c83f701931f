"""Shards: what is written is read again, from where it lies; what others write is understood; the rest is named."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from asrtrain.batching import BucketSampler, Loader, load_dataset
from asrtrain.data.audio import audio_info, read_audio
from asrtrain.data.data_config import DataConfig
from asrtrain.data.manifest import read_manifest, write_manifest
from asrtrain.data.recordings import read_whole, size_of
from asrtrain.data.shards import write_shards
from asrtrain.data.shards_source import SharConfig, ShardsConfig
from asrtrain.errors import DataError
from asrtrain.features import FEATURES
from asrtrain.types import Batch, Utterance


@pytest.fixture
def spoken(fsdd: Path) -> list[Utterance]:
    """Twenty whole recordings and a part of one."""
    paths = sorted(fsdd.glob("?_theo_[01].wav"))
    whole = [Utterance(f"digits/{p.stem}", p, p.stem[0], "theo") for p in paths]
    return [*whole, Utterance("part.of", paths[0], "ze", "theo", 0.125, 0.0625)]


def tar_of(path: Path, members: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def said(call) -> str:
    with pytest.raises(DataError) as caught:
        call()
    return str(caught.value)


def test_what_is_written_is_read_again_sample_by_sample(spoken: list[Utterance], tmp_path: Path) -> None:
    assert write_shards(spoken, tmp_path / "shards", 8) == 3
    assert sorted(p.name for p in (tmp_path / "shards").iterdir()) == [f"shard-00000{i}.tar" for i in range(3)]
    read = ShardsConfig(path=tmp_path / "shards").load(tmp_path / "cache")
    assert [(u.id, u.text, u.speaker) for u in read] == [(u.id, u.text, u.speaker) for u in spoken]
    for before, after in zip(spoken, read, strict=True):
        wanted = read_audio(before.audio, 8000, offset=before.offset, duration=before.duration).samples
        assert np.array_equal(read_audio(after.audio, 8000).samples, wanted)
        assert after.duration == pytest.approx(len(wanted) / 8000)
        assert audio_info(after.audio).frames == len(wanted)


def test_files_and_shards_make_the_same_batches(spoken: list[Utterance], tmp_path: Path) -> None:
    write_shards(spoken, tmp_path / "shards", 6)
    read = ShardsConfig(path=tmp_path / "shards").load(tmp_path)
    one, other = (load_dataset(list(u), lambda _: [0], "label", 8000, tmp_path) for u in (spoken, read))
    assert one.ids == other.ids
    for place in range(len(spoken)):
        assert np.array_equal(one.waveforms[place], other.waveforms[place])


def test_an_epoch_goes_on_in_its_middle(spoken: list[Utterance], tmp_path: Path) -> None:
    write_shards(spoken, tmp_path / "shards", 6)
    read = ShardsConfig(path=tmp_path / "shards").load(tmp_path)

    def batches(start: int) -> list[Batch]:
        dataset = load_dataset(read, lambda _: [0], "label", 8000, tmp_path)
        front_end = FEATURES["mfcc"](sample_rate=8000).build()
        return list(Loader(dataset, BucketSampler(dataset.seconds, batch_size=2), front_end).epoch(1, start))

    for one, other in zip(batches(0)[4:], batches(4), strict=True):
        assert one.ids == other.ids
        assert torch.equal(one.features, other.features)


def test_one_recording_is_read_without_the_rest_of_its_shard(
    spoken: list[Utterance], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exact resuming needs no more than the place of a member."""
    write_shards(spoken, tmp_path / "shards", 100)
    last = ShardsConfig(path=tmp_path / "shards").load(tmp_path)[19]
    audio_info(last.audio)  # the shard is indexed
    monkeypatch.setattr(tarfile, "open", None)
    assert len(read_audio(last.audio, 8000).samples) == audio_info(spoken[19].audio).frames


def test_shards_of_others_are_understood(fsdd: Path, tmp_path: Path) -> None:
    """Names with folders, capital suffixes, texts in .txt or .json under other keys, members that are none of ours."""
    sound = (fsdd / "1_theo_0.wav").read_bytes()
    tar_of(
        tmp_path / "s" / "a.tar",
        {
            "en/000.WAV": sound,
            "en/000.json": json.dumps({"sentence": "one", "client_id": 7, "lang": "en"}).encode(),
            "en/000.cls": b"1",
            "./001.wav": sound,
            "./001.txt": "\ufeffeins\n".encode(),
        },
    )
    tar_of(tmp_path / "s" / "b.tar", {"002.txt": b"un", "002.wav": sound, "002.json": b'{"duration": 0.25}'})
    read = ShardsConfig(path=tmp_path / "s").load(tmp_path)
    assert [(u.id, u.text, u.speaker, u.duration) for u in read] == [
        ("en/000", "one", "7", None),
        ("001", "eins", "", None),
        ("002", "un", "", 0.25),
    ]
    assert size_of(read[0].audio) == len(sound)


def test_everything_wrong_is_told_at_once(fsdd: Path, tmp_path: Path) -> None:
    sound = (fsdd / "1_theo_0.wav").read_bytes()
    tar_of(
        tmp_path / "s.tar",
        {
            "a.wav": sound,
            "b.txt": b"no sound",
            "c.wav": sound,
            "c.json": b"{",
            "d.wav": b"",
            "d.txt": b"one",
            "e.wav": sound,
            "e.txt": b"\xff",
            "f.wav": sound,
            "f.json": b'{"text": "one", "duration": "long"}',
            "g.wav": sound,
            "g.txt": b" ",
        },
    )
    told = said(lambda: ShardsConfig(path=tmp_path / "s.tar").load(tmp_path)).splitlines()
    assert len(told) == 7
    for name, what in zip(
        "abcdefg", ("neither", "no rec", "no JSON", "empty", "UTF-8", "duration", "empty"), strict=True
    ):
        assert any(f"s.tar/{name}" in line and what in line for line in told), (name, told)


def test_shards_that_are_none(fsdd: Path, tmp_path: Path) -> None:
    sound = (fsdd / "1_theo_0.wav").read_bytes()
    assert "no shards there" in said(lambda: ShardsConfig(path=tmp_path / "none").load(tmp_path))
    (tmp_path / "x.tar").write_bytes(b"nothing" * 1000)
    assert "no tar file" in said(lambda: ShardsConfig(path=tmp_path / "x.tar").load(tmp_path))
    whole = tar_of(tmp_path / "whole.tar", {"a.wav": sound, "a.txt": b"one"}).read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[:2000])
    assert "cut short" in said(lambda: ShardsConfig(path=tmp_path / "cut.tar").load(tmp_path))
    twice = tmp_path / "twice.tar"
    with tarfile.open(twice, "w") as tar:
        for _ in range(2):
            tar.add(fsdd / "1_theo_0.wav", "a.wav")
    assert "two members 'a.wav'" in said(lambda: audio_info(twice / "a.wav"))
    assert "no member 'b.wav'" in said(lambda: audio_info(tmp_path / "whole.tar" / "b.wav"))
    assert "exists already" in said(lambda: write_shards([], tmp_path, 10))
    assert "lie inside of shards" in said(lambda: read_manifest(tmp_path / "whole.tar", "auto", fsdd))


def test_names_lead_nowhere_but_into_their_shard(fsdd: Path, tmp_path: Path) -> None:
    outside, inside = ((fsdd / f"{digit}_theo_0.wav").read_bytes() for digit in (0, 1))
    (tmp_path / "a.wav").write_bytes(outside)
    names = (f"{tmp_path}/a", "./b", "c//d", "../e")
    shard = tar_of(tmp_path / "s.tar", {f"{n}{end}": c for n in names for end, c in ((".wav", inside), (".txt", b"1"))})
    read = ShardsConfig(path=shard).load(tmp_path / "cache")
    assert len(read) == len(names)
    assert all(read_whole(utterance.audio) == inside for utterance in read)


def test_a_name_that_is_there_twice_takes_no_other_with_it(fsdd: Path, tmp_path: Path) -> None:
    heard = (fsdd / "0_theo_0.wav").read_bytes()
    shard = tmp_path / "s.tar"
    with tarfile.open(shard, "w") as tar:
        for name, content in (("a.wav", heard), ("a.txt", b"one"), ("a.txt", b"two"), ("b.wav", heard), ("b.txt", b"")):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    told = said(lambda: ShardsConfig(path=shard).load(tmp_path / "cache")).splitlines()
    assert len(told) == 2
    assert "s.tar/a: two .txt" in told[0]
    assert "b.wav: the text is empty" in told[1]


def test_any_manifest_may_name_members(fsdd: Path, tmp_path: Path) -> None:
    sound = (fsdd / "1_theo_0.wav").read_bytes()
    tar_of(tmp_path / "s.tar", {"a.wav": sound, "b.wav": sound})
    for name in ("m.csv", "m.jsonl"):
        write_manifest([Utterance(i, tmp_path / "s.tar" / f"{i}.wav", "one") for i in "ab"], tmp_path / name)
        read = [replace(u, source=None) for u in read_manifest(tmp_path / name)]
        assert read == [Utterance(i, tmp_path / "s.tar" / f"{i}.wav", "one") for i in "ab"]
    (tmp_path / "m.csv").write_text("audio,text\ns.tar/c.wav,one\n")
    assert "m.csv:2: " in said(lambda: read_manifest(tmp_path / "m.csv"))


def test_splits_of_shards_are_those_of_their_manifest(spoken: list[Utterance], tmp_path: Path) -> None:
    write_manifest(spoken, tmp_path / "m.jsonl")
    write_shards(spoken, tmp_path / "s", 4)
    one = DataConfig.model_validate({"train": {"name": "manifest", "path": tmp_path / "m.jsonl"}}).load(tmp_path)
    other = DataConfig.model_validate({"train": {"name": "shards", "path": tmp_path / "s"}}).load(tmp_path)
    assert [u.id for u in one.train] == [u.id for u in other.train]
    assert [u.id for u in one.dev] == [u.id for u in other.dev]


def cut(name: str, text: str, **others: object) -> dict[str, object]:
    """A cut as lhotse 1.33 writes it."""
    said = {"id": name, "recording_id": name, "start": 0, "channel": 0, "text": text, "speaker": "theo"}
    recording = {"id": name, "sources": [{"type": "shar", "channels": [0], "source": ""}], "sampling_rate": 8000}
    return {
        "id": name,
        "start": 0,
        "channel": 0,
        "supervisions": [said],
        "recording": recording,
        "type": "MonoCut",
    } | others


def shar_of(folder: Path, cuts: list[dict[str, object]], members: dict[str, bytes]) -> Path:
    tar_of(folder / "recording.000000.tar", members)
    with gzip.open(folder / "cuts.000000.jsonl.gz", "wt") as lines:
        lines.writelines(json.dumps(one) + "\n" for one in cuts)
    return folder


def test_shar_is_read_without_lhotse(fsdd: Path, tmp_path: Path) -> None:
    sound = {f"{digit}_theo_0.wav": (fsdd / f"{digit}_theo_0.wav").read_bytes() for digit in (1, 2)}
    cuts = [cut("1_theo_0", "one"), cut("2_theo_0", "tw", start=0.0625, duration=0.125)]
    described = {"1_theo_0.json": b"{}", "2_theo_0.json": b"{}"}
    read = SharConfig(path=shar_of(tmp_path / "shar", cuts, sound | described)).load(tmp_path)
    assert list(read_manifest(tmp_path / "shar")) == list(read)
    assert [(u.id, u.text, u.speaker, u.offset, u.duration) for u in read] == [
        ("1_theo_0", "one", "theo", 0.0, None),
        ("2_theo_0", "tw", "theo", 0.0625, 0.125),
    ]
    assert np.array_equal(read_audio(read[0].audio, 8000).samples, read_audio(fsdd / "1_theo_0.wav", 8000).samples)


def test_cuts_that_are_no_utterances_are_told_by_their_lines(fsdd: Path, tmp_path: Path) -> None:
    sound = {"a.wav": (fsdd / "1_theo_0.wav").read_bytes()}
    cuts = [cut("a", "one"), cut("b", "two"), cut("a", "one", type="MixedCut"), cut("a", "one", supervisions=None)]
    cuts += [cut("a", "one", duration=[1]), cut("a", "one", supervisions=[{"text": "one", "start": {}}])]
    told = said(lambda: SharConfig(path=shar_of(tmp_path / "s", cuts, sound)).load(tmp_path)).splitlines()
    assert [line.split(": ")[0].rpartition(":")[2] for line in told] == ["2", "3", "4", "5", "6"]
    assert "the duration is [1]" in told[3]
    assert "the start is {}" in told[4]
    assert "'b' is not in recording.000000.tar" in told[0]
    (tmp_path / "s" / "recording.000000.tar").unlink()
    assert "recording.000000.tar: no such file" in said(lambda: SharConfig(path=tmp_path / "s").load(tmp_path))
    assert "no Shar folder" in said(lambda: SharConfig(path=tmp_path).load(tmp_path))


def test_what_lhotse_itself_writes(spoken: list[Utterance], tmp_path: Path) -> None:
    lhotse = pytest.importorskip(
        "lhotse", reason="lhotse is not installed: Shar is tested as its version 1.33 writes it"
    )
    recordings = [lhotse.Recording.from_file(utterance.audio) for utterance in spoken[:20]]
    cuts = lhotse.CutSet.from_cuts(
        lhotse.MonoCut(
            u.id, 0, r.duration, 0, [lhotse.SupervisionSegment(u.id, r.id, 0, r.duration, text=u.text)], recording=r
        )
        for u, r in zip([replace(u, id=u.audio.stem) for u in spoken[:20]], recordings, strict=True)
    )
    cuts.to_shar(tmp_path / "shar", fields={"recording": "flac"}, shard_size=6)
    read = SharConfig(path=tmp_path / "shar").load(tmp_path)
    assert [u.text for u in read] == [u.text for u in spoken[:20]]
    for before, after in zip(spoken, read, strict=False):
        assert np.array_equal(read_audio(before.audio, 8000).samples, read_audio(after.audio, 8000).samples)
