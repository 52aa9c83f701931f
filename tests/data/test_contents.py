"""A recording is known by its content: what was overwritten is another, whatever its size and times say."""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest

from asrtrain.data import contents
from asrtrain.data.contents import content_hashes, digest_of, fingerprint_of_recordings
from asrtrain.data.manifest import read_manifest
from asrtrain.errors import DataError
from asrtrain.types import Source, Utterance


@pytest.fixture
def spoken(fsdd: Path) -> list[Utterance]:
    """Old files, whose hashes are kept."""
    return [Utterance(path.stem, path, path.name[0]) for path in sorted(fsdd.glob("[01]_theo_*.wav"))]


def overwrite(path: Path, content: bytes) -> None:
    """In place, by as many bytes, with the same times."""
    status = path.stat()
    assert len(content) == status.st_size
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_hashes_that_are_kept_are_not_made_again(
    spoken: list[Utterance], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = content_hashes(spoken, tmp_path)
    assert len({one.tobytes() for one in first}) == len(spoken)
    monkeypatch.setattr(contents, "_hash", None)
    assert (content_hashes(spoken, tmp_path) == first).all()
    assert (content_hashes(spoken[::-3], tmp_path) == first[::-3]).all()


def test_what_was_overwritten_is_another_recording_whatever_its_times(
    spoken: list[Utterance], tmp_path: Path, fsdd: Path
) -> None:
    copy = Path(shutil.copy2(spoken[0].audio, tmp_path))
    listed = [*spoken, Utterance("copy", copy, "0")]
    first = content_hashes(listed, tmp_path / "cache")
    assert (first[-1] == first[0]).all()
    for _ in range(2):  # at once, and after what is known of the others was kept
        overwrite(copy, bytes([*copy.read_bytes()[:-1], copy.read_bytes()[-1] ^ 1]))
        again = content_hashes(listed, tmp_path / "cache")
        assert (again[:-1] == first[:-1]).all()
        assert (again[-1] != first[-1]).any()
        first = again


def test_a_hash_is_kept_only_where_a_change_would_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was changed in this tick of the clock may change once more, and look the same."""
    (tmp_path / "a.wav").write_bytes(b"one")
    new = [Utterance("a", tmp_path / "a.wav", "one")]
    content_hashes(new, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
    later = contents.time.time_ns() + 10**10
    monkeypatch.setattr(contents.time, "time_ns", lambda: later)
    content_hashes(new, tmp_path / "cache")
    (kept,) = (tmp_path / "cache").iterdir()
    assert kept.name.startswith("recordings-")


def test_parts_of_one_recording_and_members_of_tar_files_have_hashes(
    spoken: list[Utterance], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tarfile.open(tmp_path / "shard.tar", "w") as tar:
        for one in spoken[:3]:
            tar.add(one.audio, one.audio.name)
    members = [Utterance(one.id, tmp_path / "shard.tar" / one.audio.name, one.text) for one in spoken[:3]]
    whole = content_hashes(spoken[:3], tmp_path / "cache")
    assert (content_hashes(members, tmp_path / "cache") == whole).all()
    parts = [Utterance(f"{one.id}-{n}", one.audio, "", offset=n / 10) for one in spoken[:3] for n in range(2)]
    assert (content_hashes(parts, tmp_path / "cache") == whole.repeat(2, axis=0)).all()
    assert fingerprint_of_recordings(parts, tmp_path) != fingerprint_of_recordings(parts[::-1], tmp_path)


def test_a_table_and_a_list_of_the_same_are_the_same(tmp_path: Path, fsdd: Path) -> None:
    lines = [f"{path},{path.name[0]}\n" for path in sorted(fsdd.glob("2_theo_*.wav"))]
    (tmp_path / "m.csv").write_text("path,text\n" + "".join(lines))
    table = read_manifest(tmp_path / "m.csv")
    assert fingerprint_of_recordings(table, tmp_path) == fingerprint_of_recordings(list(table), tmp_path)


def test_all_that_is_missing_is_named(spoken: list[Utterance], tmp_path: Path) -> None:
    absent = [Utterance(str(n), tmp_path / f"{n}.wav", "", source=Source(tmp_path / "m.csv", n)) for n in (2, 3)]
    with pytest.raises(DataError, match=r"m\.csv:2: .*2\.wav cannot be read: No such file.*\n.*m\.csv:3: "):
        content_hashes([*spoken, *absent], tmp_path / "cache")
    os.mkfifo(tmp_path / "2.wav")
    with pytest.raises(DataError, match=r"m\.csv:2: .*2\.wav: not a regular file"):
        content_hashes(absent[:1], tmp_path / "cache")


def test_what_is_written_to_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, read = tmp_path / "a.wav", contents._hash

    def read_and_write(audio: Path) -> bytes:
        found = read(audio)
        path.write_bytes(b"another")
        return found

    path.write_bytes(b"one")
    monkeypatch.setattr(contents, "_hash", read_and_write)
    with pytest.raises(DataError, match="something writes to it"):
        content_hashes([Utterance("a", path, "one")], tmp_path / "cache")


def test_damaged_hashes_are_told_and_made_again(
    spoken: list[Utterance], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = content_hashes(spoken, tmp_path)
    (kept,) = tmp_path.iterdir()
    whole = kept.read_bytes()
    for place in (3, 20, 4096, 5000, len(whole) - 1):
        kept.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        assert (content_hashes(spoken, tmp_path) == first).all()
        assert f"{kept} is damaged" in capsys.readouterr().err
        assert kept.read_bytes() == whole
    kept.write_bytes(whole[:-9])
    assert (content_hashes(spoken, tmp_path) == first).all()
    assert kept.read_bytes() == whole


def test_a_digest_tells_texts_from_their_parts() -> None:
    several = [["ab", "c"], ["a", "bc"], ["abc"], ["abc", ""], [], ["\ud800"]]
    assert len({digest_of(texts) for texts in several}) == len(several)
    assert digest_of(np.zeros(2)) != digest_of(np.zeros(2, np.int64))
