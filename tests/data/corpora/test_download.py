"""Downloads from a server that breaks off, lies, forgets and comes back."""

from __future__ import annotations

import hashlib
import tarfile
from collections import namedtuple
from pathlib import Path

import pytest
from layouts import LAYOUTS
from local_server import Server

from asrtrain.data.corpora import CORPORA
from asrtrain.data.corpora.obtain import get_corpus
from asrtrain.data.download import fetch, sha256
from asrtrain.errors import DataError

CONTENT = hashlib.shake_128(b"a corpus").digest(300_000)
CHECKSUM = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


@pytest.fixture
def corpus(server: Server) -> Server:
    server.files["corpus.tar.gz"] = CONTENT
    return server


def _ranges(server: Server) -> list[str | None]:
    return [wanted for _, wanted in server.requests]


def test_a_whole_file_with_its_checksum(corpus: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    url = corpus.url("corpus.tar.gz?download=1")
    corpus.files["corpus.tar.gz?download=1"] = CONTENT
    path = fetch(url, tmp_path / "new", CHECKSUM)
    assert path == tmp_path / "new" / "corpus.tar.gz"
    assert path.read_bytes() == CONTENT and sha256(path) == CHECKSUM
    assert fetch(url, tmp_path / "new", CHECKSUM) == path
    assert len(corpus.requests) == 1
    assert [file.name for file in path.parent.iterdir()] == ["corpus.tar.gz"]
    assert capfd.readouterr().out == ""


def test_an_interrupted_download_is_continued_where_it_broke_off(corpus: Server, tmp_path: Path) -> None:
    corpus.breaks_after = [100_000, 50_000]
    assert fetch(corpus.url("corpus.tar.gz"), tmp_path, CHECKSUM, progress=False).read_bytes() == CONTENT
    assert _ranges(corpus) == [None, "bytes=100000-", "bytes=150000-"]


def test_the_next_call_continues_what_the_last_one_gave_up(corpus: Server, tmp_path: Path) -> None:
    corpus.breaks_after = [100_000, 0, 0]
    with pytest.raises(DataError, match=r"broke off: .*; 97 KiB of it are kept: run the command again"):
        fetch(corpus.url("corpus.tar.gz"), tmp_path, CHECKSUM, progress=False)
    assert not (tmp_path / "corpus.tar.gz").exists()
    assert fetch(corpus.url("corpus.tar.gz"), tmp_path, CHECKSUM, progress=False).read_bytes() == CONTENT
    assert _ranges(corpus)[-1] == "bytes=100000-"
    assert [file.name for file in tmp_path.iterdir()] == ["corpus.tar.gz"]


def test_a_file_that_changed_meanwhile_is_not_continued(corpus: Server, tmp_path: Path) -> None:
    corpus.breaks_after = [100_000, 0, 0]
    with pytest.raises(DataError):
        fetch(corpus.url("corpus.tar.gz"), tmp_path, progress=False)
    corpus.files["corpus.tar.gz"], corpus.etag = CONTENT[::-1], '"2"'
    assert fetch(corpus.url("corpus.tar.gz"), tmp_path, progress=False).read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize(("has_ranges", "etag"), [(False, '"1"'), (True, None), (True, 'W/"1"')])
def test_servers_that_cannot_continue_begin_anew(
    has_ranges: bool, etag: str | None, corpus: Server, tmp_path: Path
) -> None:
    corpus.has_ranges, corpus.etag = has_ranges, etag
    corpus.breaks_after = [100_000]
    assert fetch(corpus.url("corpus.tar.gz"), tmp_path, CHECKSUM, progress=False).read_bytes() == CONTENT


def test_a_leftover_that_is_longer_than_the_file_is_dropped(corpus: Server, tmp_path: Path) -> None:
    corpus.breaks_after = [100_000, 0, 0]
    with pytest.raises(DataError):
        fetch(corpus.url("corpus.tar.gz"), tmp_path, progress=False)
    corpus.files["corpus.tar.gz"] = CONTENT[:50_000]
    assert fetch(corpus.url("corpus.tar.gz"), tmp_path, progress=False).read_bytes() == CONTENT[:50_000]
    assert _ranges(corpus)[-2:] == ["bytes=100000-", None]


def test_a_wrong_checksum_is_refused_with_both_sums(corpus: Server, tmp_path: Path) -> None:
    wrong = "md5:" + "0" * 32
    with pytest.raises(DataError) as caught:
        fetch(corpus.url("corpus.tar.gz"), tmp_path, wrong, progress=False)
    assert "0" * 32 in str(caught.value) and hashlib.md5(CONTENT).hexdigest() in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_answers_that_are_errors(corpus: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the server answers 404 Not Found"):
        fetch(corpus.url("other.tar.gz"), tmp_path, progress=False)
    assert len(corpus.requests) == 1
    corpus.statuses = [503]
    assert fetch(corpus.url("corpus.tar.gz"), tmp_path, CHECKSUM, progress=False).read_bytes() == CONTENT
    corpus.statuses = [500, 502, 503]
    with pytest.raises(DataError, match="the server answers 503"):
        fetch(corpus.url("corpus.tar.gz"), tmp_path / "again", progress=False)


@pytest.mark.parametrize("url", ["ftp://example.org/a.tar", "file:///etc/passwd", "a.tar.gz", ""])
def test_only_the_web_is_fetched_from(url: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has to begin with https:// or http://"):
        fetch(url, tmp_path)


def test_no_server_and_no_place_to_write(corpus: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^cannot fetch http://127.0.0.1:1/a.tar: "):
        fetch("http://127.0.0.1:1/a.tar", tmp_path, progress=False)
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot write"):
        fetch(corpus.url("corpus.tar.gz"), tmp_path / "file", progress=False)


def test_a_full_disk_is_noticed_before_it_is_full(
    corpus: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(1 << 30, 1 << 30, 1000))
    with pytest.raises(DataError, match=r"needs 0 MiB more, but .* has 0"):
        fetch(corpus.url("corpus.tar.gz"), tmp_path, progress=False)


@pytest.mark.parametrize(
    ("path", "name"), [("%2e%2e", "download"), ("a/..", "download"), ("", "download"), ("x%2f..%2fa%00b", "a_b")]
)
def test_the_address_does_not_choose_where_the_file_lies(path: str, name: str, server: Server, tmp_path: Path) -> None:
    server.files["*"] = CONTENT
    assert fetch(server.url(path), tmp_path / "new", CHECKSUM, progress=False) == tmp_path / "new" / name


def test_a_damaged_archive_is_fetched_again(server: Server, tmp_path: Path) -> None:
    LAYOUTS["yesno"](tmp_path / "yesno")
    with tarfile.open(tmp_path / "yesno.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "yesno", arcname=".")
    good = (tmp_path / "yesno.tar.gz").read_bytes()
    output = tmp_path / "got" / "yesno"
    server.files["yesno.tar.gz"] = good[:-1000]
    with pytest.raises(DataError, match=r"http.*/yesno.tar.gz cannot be unpacked, it may be damaged"):
        get_corpus("yesno", output, source=server.url("yesno.tar.gz"), progress=False)
    assert not output.parent.exists() or not list(output.parent.iterdir())
    server.files["yesno.tar.gz"] = good
    obtained = get_corpus("yesno", output, source=server.url("yesno.tar.gz"), progress=False)
    assert obtained.unverified == {server.url("yesno.tar.gz"): f"sha256:{hashlib.sha256(good).hexdigest()}"}
    assert [path.name for path in output.parent.iterdir()] == ["yesno"]


def test_published_checksums_are_of_a_kind_that_can_be_checked() -> None:
    archives = [archive for corpus in CORPORA.values() for archive in corpus.card.archives]
    sizes = {"sha256": 64, "md5": 32}
    for kind, _, digest in (archive.checksum.partition(":") for archive in archives if archive.checksum):
        assert len(bytes.fromhex(digest)) * 2 == sizes[kind]
    assert all(archive.url.startswith(("https://", "http://")) for archive in archives)
