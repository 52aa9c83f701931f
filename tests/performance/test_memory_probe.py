"""Weighing batches, and what follows from it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from asrtrain.app.memory import probe_memory
from asrtrain.errors import UsageError
from asrtrain.performance.memory import Weighing, available_memory, extrapolate, parse_size

CPU = torch.device("cpu")
TAKING = """
import torch
from asrtrain.performance.memory import peak_memory
before = peak_memory(torch.device("cpu"))
block = torch.ones(100_000_000)
del block
print(peak_memory(torch.device("cpu")) - before)
"""
WORDS = """\
data:
  train: {{name: fsdd, folder: {fsdd}, split: train, speakers: [theo]}}
  test: {{name: fsdd, folder: {fsdd}, split: test, speakers: [theo]}}
features: {{name: mfcc, sample_rate: 8000}}
model: {{name: cnn}}
"""


def test_a_line_through_the_weighings_says_what_fits() -> None:
    weighings = [Weighing(10.0, 300), Weighing(20.0, 410), Weighing(40.0, 600)]
    found = extrapolate(weighings, budget=1000)
    assert (found.base, found.per_second) == (200.0, 10.0)
    assert found.error == pytest.approx(10 / 300)
    assert found.seconds == pytest.approx(70.0)
    assert "training.batch_seconds: 70.0" in found.to_text()
    assert found.to_json()["batch_seconds"] == found.seconds


def test_too_little_memory_and_memory_that_does_not_grow_are_said() -> None:
    flat = [Weighing(10.0, 300), Weighing(20.0, 300), Weighing(40.0, 300)]
    with pytest.raises(UsageError, match="does not grow"):
        extrapolate(flat, budget=1000)
    rising = [Weighing(10.0, 300), Weighing(20.0, 400), Weighing(40.0, 600)]
    with pytest.raises(UsageError, match="too few"):
        _ = extrapolate(rising, budget=100).seconds


@pytest.mark.parametrize(("text", "size"), [("4GB", 4 * 10**9), ("1.5g", 1_500_000_000), ("512 MB", 512_000_000)])
def test_amounts_of_memory_are_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1GB", "4TB"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no amount of memory"):
        parse_size(text)


def test_what_was_taken_shows_though_it_was_given_back() -> None:
    """In a process of its own, which has not held more before."""
    done = subprocess.run([sys.executable, "-c", TAKING], check=True, capture_output=True, text=True)
    assert 390e6 < int(done.stdout) < 500e6


def test_there_is_free_memory_and_no_more_than_the_machine_has() -> None:
    assert 0 < available_memory(CPU) < os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@pytest.mark.parametrize("size", ["0", "0GB", "1", "9MB"])
def test_sizes_that_hold_nothing_are_refused_before_anything_is_weighed(size: str, tmp_path: Path) -> None:
    config = tmp_path / "words.yaml"
    config.write_text(WORDS.format(fsdd=tmp_path / "which is not read"), encoding="utf-8")
    with pytest.raises(UsageError, match=f"--probe-memory {size}: that holds no training step of any model; give more"):
        probe_memory(config, size)


@pytest.mark.slow
def test_a_real_model_is_weighed(tmp_path: Path, fsdd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASRTRAIN_CACHE", str(tmp_path / "cache"))
    config = tmp_path / "words.yaml"
    config.write_text(WORDS.format(fsdd=fsdd), encoding="utf-8")
    small, large = (probe_memory(config, budget) for budget in ("2GB", "4GB"))
    assert 0 < small.seconds < large.seconds
    assert small.base > 50e6
    assert small.error < 0.5
