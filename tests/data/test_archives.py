"""Archives, honest and hostile."""

from __future__ import annotations

import gzip
import io
import os
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from asrtrain.data.archives import extract
from asrtrain.data.new_folder import new_folder
from asrtrain.errors import DataError


def _tar(path: Path, *members: tarfile.TarInfo, mode: str = "w:gz") -> None:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size) if member.isreg() else None)


def _member(name: str, size: int = 4, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.type, member.linkname = (size if kind == tarfile.REGTYPE else 0), kind, link
    return member


def _zip(path: Path, *names: str, mode: int = stat.S_IFREG | 0o644) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, b"x")


def _zip_bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("zeros", b"\0" * (70 << 20))


def _lying_zip_bomb(path: Path) -> None:
    """The directory says 10 bytes, the data are 70 MiB."""
    _zip_bomb(path)
    data = bytearray(path.read_bytes())
    directory = data.rindex(b"PK\x01\x02")
    struct.pack_into("<I", data, directory + 24, 10)
    struct.pack_into("<I", data, 22, 10)
    path.write_bytes(data)


def _encrypted_zip(path: Path) -> None:
    _zip(path, "a.wav")
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)


def _huge_header(path: Path) -> None:
    """An extended header that claims, and is, 70 MiB."""
    header = _member("x").tobuf()
    pax = tarfile.TarInfo("pax")
    pax.type, pax.size = tarfile.XHDTYPE, 70 << 20
    with gzip.open(path, "wb", compresslevel=1) as out:
        out.write(pax.tobuf())
        for _ in range(70):
            out.write(b"\0" * (1 << 20))
        out.write(header)


def _gzip_of(content: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(gzip.compress(content, 1)) and None


def _cut(path: Path) -> None:
    _tar(path, _member("a.wav", 100_000), mode="w")
    path.write_bytes(gzip.compress(path.read_bytes())[:-200])


def _flipped(path: Path) -> None:
    """One bit of an uncompressed gzip block: only the checksum at the end knows."""
    _tar(path, _member("a.wav", 5000), mode="w")
    data = bytearray(gzip.compress(path.read_bytes(), compresslevel=0))
    data[2000] ^= 1
    path.write_bytes(data)


HOSTILE: dict[str, tuple[Callable[[Path], None], str]] = {
    "tar with an absolute name": (lambda p: _tar(p, _member("/tmp/evil")), "leads out of the folder"),
    "tar that climbs": (lambda p: _tar(p, _member("a/../../evil")), "leads out of the folder"),
    "tar with dots alone": (lambda p: _tar(p, _member("..", kind=tarfile.DIRTYPE)), "leads out of the folder"),
    "tar with a backslash": (lambda p: _tar(p, _member("..\\evil")), "leads out of the folder"),
    "tar with a drive": (lambda p: _tar(p, _member("C:evil")), "leads out of the folder"),
    "tar with a line break": (lambda p: _tar(p, _member("a\nb")), "leads out of the folder"),
    "tar with a symbolic link": (
        lambda p: _tar(p, _member("a", kind=tarfile.SYMTYPE, link="/etc"), _member("a/evil")),
        "'a' is a link, a device",
    ),
    "tar with a hard link": (
        lambda p: _tar(p, _member("a"), _member("b", kind=tarfile.LNKTYPE, link="a")),
        "'b' is a link, a device",
    ),
    "tar with a device": (lambda p: _tar(p, _member("a", kind=tarfile.CHRTYPE)), "'a' is a link, a device"),
    "tar with a pipe": (lambda p: _tar(p, _member("a", kind=tarfile.FIFOTYPE)), "'a' is a link, a device"),
    "tar with a name twice": (lambda p: _tar(p, _member("a"), _member("./a")), "is in it twice"),
    "tar with a file for a folder": (lambda p: _tar(p, _member("a"), _member("a/b")), "is in it twice"),
    "tar with a folder for a file": (
        lambda p: _tar(p, _member("a", kind=tarfile.DIRTYPE), _member("a")),
        "is in it twice",
    ),
    "tar bomb": (lambda p: _tar(p, _member("zeros", 70 << 20)), "unpacks to more than 64 MiB"),
    "tar that claims an exabyte": (_gzip_of(_member("a", 1 << 60).tobuf()), "unpacks to more than 64 MiB"),
    "tar of countless headers": (
        _gzip_of(b"".join([_member("d", kind=tarfile.DIRTYPE).tobuf()]) * 140_000),
        "unpacks to more than 64 MiB",
    ),
    "tar with a huge header": (_huge_header, "unpacks to more than 64 MiB"),
    "gzip bomb": (_gzip_of(b"\0" * (70 << 20)), "unpacks to more than 64 MiB"),
    "zip with an absolute name": (lambda p: _zip(p, "/tmp/evil"), "leads out of the folder"),
    "zip that climbs": (lambda p: _zip(p, "../evil"), "leads out of the folder"),
    "zip with a link": (lambda p: _zip(p, "a", mode=stat.S_IFLNK | 0o777), "'a' is a link or a device"),
    "zip with a name twice": (lambda p: _zip(p, "a", "./a"), "is in it twice"),
    "zip bomb": (_zip_bomb, "unpacks to more than 64 MiB"),
    "zip bomb that lies": (_lying_zip_bomb, "cannot be unpacked"),
    "encrypted zip": (_encrypted_zip, "is encrypted: unpack it yourself"),
    "nothing at all": (lambda p: p.write_bytes(b"") and None, "holds no files|cannot be unpacked"),
    "empty tar": (_tar, "holds no files"),
    "text": (lambda p: p.write_bytes(b"<html>404</html>" * 99) and None, "cannot be unpacked"),
    "noise after a zip's first bytes": (lambda p: p.write_bytes(b"PK\x03\x04noise") and None, "cannot be unpacked"),
    "tar cut short": (_cut, "cannot be unpacked"),
    "tar with a flipped bit": (_flipped, "cannot be unpacked"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_and_damaged_archives_are_refused_and_leave_nothing(case: str, tmp_path: Path) -> None:
    make, complaint = HOSTILE[case]
    archive = tmp_path / "archive"
    make(archive)
    with pytest.raises(DataError, match=complaint) as caught, new_folder(tmp_path / "new") as folder:
        extract(archive, folder)
    assert str(archive) in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]
    assert not Path("/tmp/evil").exists()


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_honest_tars_are_unpacked(mode: str, tmp_path: Path) -> None:
    folder = _member("./corpus", kind=tarfile.DIRTYPE)
    _tar(tmp_path / "archive", folder, folder, _member("./corpus/a b.wav", 70_000), _member("list.txt"), mode=mode)
    with new_folder(tmp_path / "new") as new:
        extract(tmp_path / "archive", new)
    assert (tmp_path / "new" / "corpus" / "a b.wav").read_bytes() == b"x" * 70_000
    assert (tmp_path / "new" / "list.txt").stat().st_mode & 0o777 == 0o666 & ~_umask()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive", "new"]


def test_honest_zips_are_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "archive", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("empty")
        archive.writestr("corpus/a.wav", b"x" * 70_000)
    with new_folder(tmp_path / "new") as new:
        extract(tmp_path / "archive", new)
    assert (tmp_path / "new" / "corpus" / "a.wav").read_bytes() == b"x" * 70_000
    assert (tmp_path / "new" / "empty").is_dir()


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"cannot make the folder .*/file/new: "), new_folder(tmp_path / "file" / "new"):
        pass
    with (
        pytest.raises(DataError, match=r"cannot make the folder .*/file: Not a directory"),
        new_folder(tmp_path / "file"),
    ):
        pass


def test_the_first_of_two_makers_wins(tmp_path: Path) -> None:
    with new_folder(tmp_path / "new") as late:
        (late / "a").write_text("late")
        with new_folder(tmp_path / "new") as early:
            (early / "a").write_text("early")
    assert (tmp_path / "new" / "a").read_text() == "early"
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
