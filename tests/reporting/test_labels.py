"""Labels of any script and any length can be drawn, without a warning and told apart."""

from __future__ import annotations

from pathlib import Path

from matplotlib.image import imread

from asrtrain.reporting.confusion import draw_confusion
from asrtrain.reporting.style import FONTS, drawable

HARD = ["$\\frac{", "ሰላም", "ᠮᠣᠩᠭᠣᠯ", "low\x1b[31m\u202e", "x" * 300, "😀", "новый", "a_b^c$d$"]


def test_letters_without_a_font_are_drawn_as_their_code_points() -> None:
    assert drawable("новый é") == "новый é"
    assert drawable("ᠮ\x1b") == r"\u182e\x1b"
    assert drawable("x" * 300) == "x" * 31 + "…"
    assert FONTS[0] == "DejaVu Sans"


def test_a_confusion_matrix_of_hard_labels_is_drawn_without_warnings(tmp_path: Path) -> None:
    draw_confusion([(said, heard) for said in HARD for heard in HARD[:2]], tmp_path / "c.png", "title")
    assert imread(tmp_path / "c.png").shape[0] > 300
