"""A ragged array gives back what was put in, quickly, and never what is not whole."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from asrtrain.features.cache import RaggedArray, fingerprint
from asrtrain.files.kept import HEADER, DamagedError

Arrays = list[npt.NDArray[np.float32]]


def arrays(*shape: int, seed: int = 0) -> Arrays:
    draw = np.random.default_rng(seed)
    return [draw.uniform(-1, 1, (length, *shape)).astype(np.float32) for length in (5, 1, 0, 17, 3)]


@pytest.mark.parametrize("shape", [(), (4,)])
def test_what_goes_in_comes_out(tmp_path: Path, shape: tuple[int, ...]) -> None:
    put = arrays(*shape)
    RaggedArray.write(tmp_path / "cache", "key", enumerate(put))
    got = RaggedArray.open(tmp_path / "cache", "key")
    assert got is not None
    assert len(got) == len(put)
    assert got.lengths.tolist() == [5, 1, 0, 17, 3]
    for i, array in enumerate(put):
        assert got[i].dtype == np.float32
        np.testing.assert_array_equal(got[i], array)


@pytest.mark.parametrize("shape", [(), (4,)])
def test_a_batch_is_padded_with_zeros(tmp_path: Path, shape: tuple[int, ...]) -> None:
    put = arrays(*shape)
    batch, lengths = RaggedArray.write(tmp_path / "cache", "key", enumerate(put)).padded([3, 0, 2, 0])
    assert lengths.tolist() == [17, 5, 0, 5]
    assert tuple(batch.shape) == (4, 17, *shape)
    for row, index, length in zip(batch.numpy(), [3, 0, 2, 0], lengths.tolist(), strict=True):
        np.testing.assert_array_equal(row[:length], put[index])
        assert not row[length:].any()


def test_recordings_of_16_bits_take_as_many(tmp_path: Path, fsdd: Path) -> None:
    put = [soundfile.read(path, dtype="float32")[0] for path in sorted(fsdd.glob("*.wav"))[::200]]
    got = RaggedArray.write(tmp_path / "cache", "key", enumerate(put))
    batch, lengths = got.padded(range(len(put)))
    for row, length, array in zip(batch.numpy(), lengths, put, strict=True):
        np.testing.assert_array_equal(row[:length], array)
    around = HEADER + len(put) * 32  # the index
    assert (tmp_path / "cache").stat().st_size <= 2 * sum(map(len, put)) + around


AWKWARD = {
    "between two integers": [0.25, 1.5 / 32768],
    "as loud as can be": [1.0, -1.0],
    "too loud": [0.5, 2.0, -3.5],
    "beyond all measure": [1e38, -1e38],
    "not finite": [math.inf, -math.inf, 0.0],
    "not a number": [0.5, math.nan],
    "nothing": [],
}


@pytest.mark.parametrize("name", AWKWARD)
def test_what_16_bits_do_not_hold_is_kept_beside_what_they_do(tmp_path: Path, name: str) -> None:
    put = [np.float32([0.5, -0.25, 3 / 32768]), np.array(AWKWARD[name], np.float32), np.float32([-1.0])]
    got = RaggedArray.write(tmp_path / "cache", "key", enumerate(put))
    for i, array in enumerate(put):
        np.testing.assert_array_equal(got[i], array)
    batch, _ = got.padded([2, 1, 0])
    np.testing.assert_array_equal(batch[1, : len(put[1])].numpy(), put[1])


def test_features_of_whole_numbers_are_no_waveforms(tmp_path: Path) -> None:
    put = [np.zeros((3, 5), np.float32), np.ones((2, 5), np.float32)]
    got = RaggedArray.write(tmp_path / "cache", "key", enumerate(put))
    np.testing.assert_array_equal(got.padded([1, 0])[0][1].numpy(), put[0])


def test_integers_are_read_into_a_batch_with_zeros_behind_them(tmp_path: Path) -> None:
    put = [np.arange(-length, length, 2, np.float32) / 32768 for length in (5, 1, 32768, 0, 7)]
    batch, lengths = RaggedArray.write(tmp_path / "cache", "key", enumerate(put)).padded([4, 2, 3, 0])
    assert lengths.tolist() == [7, 32768, 0, 5]
    for row, index, length in zip(batch.numpy(), [4, 2, 3, 0], lengths.tolist(), strict=True):
        np.testing.assert_array_equal(row[:length], put[index])
        assert not row[length:].any()
    assert (tmp_path / "cache").stat().st_size < HEADER + 2 * sum(map(len, put)) + 200


def test_arrays_are_found_by_number_in_whatever_order_they_were_written(tmp_path: Path) -> None:
    put = arrays(4)
    got = RaggedArray.write(tmp_path / "cache", "key", [(i, put[i]) for i in (3, 0, 4, 1, 2)])
    assert got.lengths.tolist() == [5, 1, 0, 17, 3]
    for i, array in enumerate(put):
        np.testing.assert_array_equal(got[i], array)
    np.testing.assert_array_equal(got.padded([4, 0])[0][1, :5], put[0])


def test_no_arrays_at_all(tmp_path: Path) -> None:
    assert len(RaggedArray.write(tmp_path / "cache", "key", [])) == 0


def test_another_key_is_another_array(tmp_path: Path) -> None:
    RaggedArray.write(tmp_path / "cache", "key", enumerate(arrays()))
    assert RaggedArray.open(tmp_path / "cache", "other key") is None
    assert RaggedArray.open(tmp_path / "no cache", "key") is None


def test_damage_is_noticed(tmp_path: Path) -> None:
    """Truncations, and a changed bit in every byte of header and index."""
    path = tmp_path / "cache"
    index = 4 * 8 * len(RaggedArray.write(path, "key", enumerate(arrays())))
    whole = path.read_bytes()
    for length in (0, 7, 100, 4095, 4096, len(whole) - index, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert is_damaged(path), length
    path.write_bytes(whole + b"\0")
    assert is_damaged(path)
    header = 16 + int.from_bytes(whole[12:16], "little")
    for place in [*range(header), *range(len(whole) - index, len(whole))]:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        assert is_damaged(path), place
    path.write_bytes(whole)
    assert RaggedArray.open(path, "key") is not None


def is_damaged(path: Path) -> bool:
    try:
        RaggedArray.open(path, "key")
    except DamagedError:
        return True
    return False


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    def interrupted() -> Iterator[npt.NDArray[np.float32]]:
        yield np.zeros(10, np.float32)
        raise KeyboardInterrupt

    RaggedArray.write(tmp_path / "cache", "key", enumerate(arrays()))
    before = (tmp_path / "cache").read_bytes()
    with pytest.raises(KeyboardInterrupt):
        RaggedArray.write(tmp_path / "cache", "new key", enumerate(interrupted()))
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
    assert (tmp_path / "cache").read_bytes() == before


def test_arrays_of_two_widths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="rows of shape"):
        RaggedArray.write(
            tmp_path / "cache", "key", enumerate([np.zeros((2, 3), np.float32), np.zeros((2, 4), np.float32)])
        )
    assert list(tmp_path.iterdir()) == []


def test_damage_to_an_array_is_noticed_when_it_is_read(tmp_path: Path) -> None:
    """A changed bit anywhere, a block of zeros, and a file that another process cuts after it was opened."""
    path = tmp_path / "cache"
    RaggedArray.write(path, "key", enumerate(arrays()))
    whole = path.read_bytes()
    for place in range(HEADER, HEADER + 26 * 4):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        damaged = RaggedArray.open(path, "key")
        assert damaged is not None
        with pytest.raises(DamagedError, match="not as they were written"):
            damaged.padded(range(5))
    path.write_bytes(whole)
    opened = RaggedArray.open(path, "key")
    assert opened is not None
    with path.open("r+b") as file:
        file.truncate(HEADER + 8)
    with pytest.raises(DamagedError, match="not as they were written"):
        opened.padded(range(5))


def test_columns_are_kept_beside_the_arrays(tmp_path: Path) -> None:
    put, seen = arrays(), list[float]()

    def made() -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
        for number, one in enumerate(put):
            seen.append(number / 2)
            yield number, one

    RaggedArray.write(tmp_path / "cache", "key", made(), lambda: {"halves": np.array(seen)})
    got = RaggedArray.open(tmp_path / "cache", "key")
    assert got is not None
    assert got.columns["halves"].tolist() == [0, 0.5, 1, 1.5, 2]
    np.testing.assert_array_equal(got[3], put[3])


def test_fingerprints_differ_where_values_do() -> None:
    settings = {"n_mels": 40, "files": [["a.wav", 1234, 1.5]]}
    assert fingerprint(settings) == fingerprint({"files": [["a.wav", 1234, 1.5]], "n_mels": 40})
    others: list[object] = [{**settings, "n_mels": 41}, [], "", None, 1, 1.0, True]
    assert len({fingerprint(settings), *map(fingerprint, others)}) == 8
    with pytest.raises(ValueError, match="JSON"):
        fingerprint(float("nan"))
