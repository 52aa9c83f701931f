"""Alignments in every format."""

from __future__ import annotations

from pathlib import Path

import pytest

from asrtrain.errors import DataError
from asrtrain.evaluation.alignments import LEVELS, Alignment, Interval, write_alignments


def _aligned(name: str, label: str) -> Alignment:
    return Alignment(name, {level: (Interval(label, 0.0, 0.5),) for level in LEVELS})


@pytest.mark.parametrize(("name", "label"), [("take one", "left"), ("a", "turn left"), ("a", "turn\u00a0left")])
def test_white_space_that_would_make_more_columns_of_a_ctm_file_is_refused(
    name: str, label: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="where white space divides the columns: choose --format textgrid or jsonl"):
        write_alignments([_aligned(name, label)], tmp_path / "al", "ctm")
    assert not (tmp_path / "al").exists()
    assert write_alignments([_aligned(name, label)], tmp_path / "al", "textgrid")
    assert write_alignments([_aligned(name, label)], tmp_path / "al", "jsonl")


def test_ctm_has_five_columns(tmp_path: Path) -> None:
    write_alignments([_aligned("a", "left")], tmp_path, "ctm")
    assert (tmp_path / "words.ctm").read_text() == "a 1 0.000 0.500 left\n"
