"""Every mistake becomes one sentence, and all mistakes of a file are reported at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from asrtrain.config import Config, load_config
from asrtrain.errors import UsageError

Write = Callable[[str | bytes], Path]

MISTAKES = [
    ("mian: circle", "1: mian: unknown key; did you mean main?"),
    ("paper: {with: 3}", "1: paper.with: unknown key; did you mean width?"),
    ("paper:\n  width: 100\n  zzz: 3", "3: paper.zzz: unknown key; choose one of width, colour, margins, punch, title"),
    ("main: circel", '1: main: unknown name "circel"; did you mean circle?'),
    ("main:\n  name: xyz", '2: main.name: unknown name "xyz"; choose one of circle, square'),
    ("main: {radius: 2}", "1: main: needs a name: one of circle, square"),
    ("main: {name: [1]}", "1: main.name: wants one of circle, square, found a list of 1"),
    ("main: 3", "1: main: wants one of circle, square, found 3"),
    ("main: null", "1: main: wants one of circle, square, found nothing (null)"),
    ("main: square", "1: main.side: is missing; it wants a whole number > 0, ≤ 10"),
    ("main: {name: square, side: 11}", "1: main.side: wants a whole number > 0, ≤ 10, found 11"),
    ("main: {name: square, side: 1.0}", "1: main.side: wants a whole number > 0, ≤ 10, found 1.0"),
    ("main: {name: square, side: '3'}", 'found the text "3"; remove the quotes'),
    ("main: {name: circle, radius: 0}", "1: main.radius: wants a number > 0, found 0"),
    ("main: {name: circle, radius: true}", "1: main.radius: wants a number > 0, found true"),
    ("main: {name: circle, radius: .inf}", "1: main.radius: must be a finite number, found inf"),
    ("main: {name: circle, radius: .nan}", "main.radius: must be a finite number, found nan"),
    ("main: {name: circle, filled: yes}", '1: main.filled: wants true or false, found the text "yes"; write true'),
    ("main: {name: circle, filled: 1}", "1: main.filled: wants true or false, found 1"),
    ("main: {name: circle, side: 2}", "1: main.side: unknown key; choose one of name, radius, filled"),
    ("frame: 3", "1: frame: wants one of circle, square, or null, found 3"),
    ("frame: {name: square, side: 0}", "1: frame.side: wants a whole number > 0, ≤ 10, found 0"),
    ("others:\n- circle\n- {name: square, side: 0}", "3: others.1.side: wants a whole number > 0, ≤ 10, found 0"),
    ("others:\n- circle\n- sqare", '3: others.1: unknown name "sqare"; did you mean square?'),
    ("others: {name: circle, radius: -1}", "1: others.radius: wants a number > 0, found -1"),
    ("others: 3", "1: others: wants one of circle, square, or a list of such, found 3"),
    ("either: [circle, {name: square}]", "1: either.1.side: is missing"),
    ("either: {name: circle, radios: 1}", "1: either.radios: unknown key; did you mean radius?"),
    ("either: nine", '1: either: wants one of circle, square, or a list of such, or none, found the text "nine"'),
    ("either: cirkle", '1: either: unknown name "cirkle"; did you mean circle?'),
    (
        "either: 4",
        "1: either: wants one of circle, square, or a list of such, or none, found 4",
    ),
    ("paper: A4", '1: paper: wants a mapping with the keys width, colour, margins, punch, title, found the text "A4"'),
    ("paper: {colour: whit}", '1: paper.colour: wants one of white, yellow, found the text "whit"'),
    ("paper: {margins: [3, 1]}", "1: paper.margins: the range [3.0, 1.0] ends before it begins"),
    ("paper: {margins: [1, 2, 3]}", "1: paper.margins: takes at most 2 items, found a list of 3"),
    ("paper: {margins: [1]}", "1: paper.margins.1: is missing; it wants a number"),
    ("paper: {margins: 4}", "1: paper.margins: wants [a number, a number], found 4"),
    ("paper: {margins: [1, b]}", '1: paper.margins.1: wants a number, found the text "b"'),
    ("paper:\n  punch:\n  - 3\n  - 0", "4: paper.punch.1: wants a whole number > 0, found 0"),
    ("paper: {punch: 3}", "1: paper.punch: wants a list, each item a whole number > 0, found 3"),
    ("paper: {punch: [500]}", "1: paper: a hole lies beyond the width of 210; move it, or widen the paper"),
    ("paper: {title: 12}", "1: paper.title: wants text, found 12; put it in quotes"),
    ("paper: {title: null}", "1: paper.title: wants text, found nothing (null)"),
    ("scale: none", '1: scale: wants a number > 0, or auto, found the text "none"'),
    ("scale: -1", "1: scale: wants a number > 0, found -1"),
    ("limit: 0", "1: limit: wants a whole number ≥ 1, or null, found 0"),
    ("limit: many", '1: limit: wants a whole number ≥ 1, or null, found the text "many"'),
    ("file: 3", "1: file: wants a path, found 3"),
    ("file: [a]", "1: file: wants a path, found a list of 1"),
    ("names: {a: b}", '1: names.a: wants a whole number, found the text "b"'),
    ("names: 3", "1: names: wants a mapping, each value a whole number, found 3"),
    ("limit: 1\nlimit: 2", "2: limit: written twice, in lines 1 and 2; keep one"),
    ("file: ${NOT_SET_ANYWHERE}/x", "1: file: the environment variable NOT_SET_ANYWHERE is not set"),
    ("file: '${'", "1: file: '${' begins no variable"),
    ("file: !!str x", "1: file: the tag tag:yaml.org,2002:str is not accepted; write the plain value"),
    ("limit: 1\n paper: {}", "not valid YAML"),
    ("limit: 1\n\tpaper: {}", "2: not valid YAML: the line is indented with a tab; use spaces"),
    ("- circle", "drawing.yaml: a configuration is a mapping of keys to values, such as 'seed: 0'"),
    ("just words", "drawing.yaml: a configuration is a mapping of keys to values"),
    ("", "drawing.yaml: the file is empty; 'asrtrain config init' writes one to start from"),
    ("# nothing\n", "drawing.yaml: the file is empty"),
    ("limit: 1\n---\nlimit: 2", "2: a second document begins here"),
]


def complaint(path: Path, tree: type[Config], *overrides: str) -> str:
    with pytest.raises(UsageError) as caught:
        load_config(path, tree, overrides)
    return str(caught.value)


@pytest.mark.parametrize(("text", "sentence"), MISTAKES)
def test_one_mistake_is_one_sentence(text: str, sentence: str, drawing: type[Config], write: Write) -> None:
    said = complaint(write(text), drawing)
    assert sentence in said
    assert said.startswith(str(write(text)))
    assert "\n" not in said
    assert "Input should" not in said


def test_all_mistakes_at_once_in_the_order_of_the_lines(drawing: type[Config], write: Write) -> None:
    path = write("scale: big\nlimit: 0\nmian: circle\nmain:\n  name: square\n  side: 20\n  sid: 1\nlimit: 0\n")
    assert complaint(path, drawing).splitlines() == [
        f'{path}:1: scale: wants a number > 0, or auto, found the text "big"',
        f"{path}:3: mian: unknown key; did you mean main?",
        f"{path}:6: main.side: wants a whole number > 0, ≤ 10, found 20",
        f"{path}:7: main.sid: unknown key; did you mean side?",
        f"{path}:8: limit: written twice, in lines 2 and 8; keep one",
    ]


def test_a_long_or_odd_text_stays_on_one_short_line(drawing: type[Config], write: Write) -> None:
    said = complaint(write("scale: " + json.dumps("a\n\x07" + "b" * 500)), drawing)
    assert "\n" not in said
    assert "\\n\\x07bbb" in said
    assert len(said) < 250


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("limit: 1\nfile: \xe9".encode("latin-1"), ":2: not UTF-8 text; save the file as UTF-8"),
        ("limit: 1".encode("utf-16"), ":1: not UTF-8 text; save the file as UTF-8"),
        (b"limit: 1\nfile: \x00", ":2: the control character U+0000 is not allowed in YAML; remove it"),
    ],
)
def test_encodings(content: bytes, sentence: str, drawing: type[Config], write: Write) -> None:
    assert complaint(write(content), drawing).endswith(sentence)


def test_files_that_are_not_there(tmp_path: Path, drawing: type[Config]) -> None:
    assert complaint(tmp_path / "no.yaml", drawing) == f"{tmp_path / 'no.yaml'}: there is no such file"
    assert complaint(tmp_path, drawing) == f"{tmp_path}: is a folder; give a YAML file"
    (tmp_path / "file").touch()
    assert "cannot be read" in complaint(tmp_path / "file" / "below.yaml", drawing)
    assert "cannot be read" in complaint(Path("a\0b"), drawing)
