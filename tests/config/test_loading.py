"""What is dumped loads to an equal configuration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from asrtrain.config import Config, dump_config, load_config
from asrtrain.config.template import write_template

Write = Callable[[str | bytes], Path]

TEXTS = [
    "limit: 1",
    "main: {name: square, side: 3}\nframe: circle\nothers: [circle, {name: square, side: 1}]\neither: [circle]",
    "paper: {title: 'no', margins: [1, 1e3], punch: []}\nscale: 1e-7\nnames: {no: 1, '2': 2}",
    'paper: {title: "$${HOME} \\n\\u2028 é # : - \'x\'"}\nfile: "a b/#c"',
    "paper: {title: '1e-3'}\nfile: '0o17'",
]


@pytest.mark.parametrize("writer", [dump_config, write_template])
@pytest.mark.parametrize("text", TEXTS)
def test_written_configurations_load_to_equal_ones(
    text: str, writer: Callable[[Config], str], drawing: type[Config], write: Write
) -> None:
    config = load_config(write(text), drawing)
    written = writer(config)
    again = load_config(write(written), drawing)
    assert again == config
    assert writer(again) == written


def test_a_byte_order_mark_and_windows_line_ends_are_no_mistakes(drawing: type[Config], write: Write) -> None:
    path = write(b"\xef\xbb\xbflimit: 3\r\nscale: 2\r\n")
    assert load_config(path, drawing).model_dump()["limit"] == 3


def test_the_starting_file_explains_every_key(drawing: type[Config], write: Write) -> None:
    text = write_template(drawing())
    lines = text.splitlines()
    assert drawing.descriptions().keys() == drawing.model_fields.keys()
    for key, description in drawing.descriptions().items():
        place = next(n for n, line in enumerate(lines) if line.startswith(f"{key}:"))
        comment = " ".join(line.strip("# ") for line in lines[max(0, place - 3) : place])
        assert description in comment
    assert "  # Distance from the middle.\n  # Wants a number > 0.\n  radius: 1.0" in text
    assert "Wants one of circle, square, or null." in text
