"""``--set key.path=value``."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import pytest

from asrtrain.config import Config, load_config
from asrtrain.errors import UsageError

Write = Callable[[str | bytes], Path]


@pytest.fixture
def dumped(drawing: type[Config], write: Write) -> Callable[..., dict[str, object]]:
    """The configuration that a file and some overrides make, as plain data."""

    def dumped(text: str, *overrides: str) -> dict[str, object]:
        return load_config(write(text), drawing, overrides).model_dump(mode="json")

    return dumped


CHANGES = [
    ("limit: 1", "limit=5", "limit", 5),
    ("limit: 1", "limit=null", "limit", None),
    ("limit: 1", "scale=1e-3", "scale", 1e-3),
    ("limit: 1", "paper.title=a=b", "paper.title", "a=b"),
    ("limit: 1", "paper.title='12'", "paper.title", "12"),
    ("limit: 1", "paper.title=", "paper.title", None),
    ("limit: 1", "file=${HOLE:-x}/y", "file", "x/y"),
    ("limit: 1", "names={a: 1, b: 2}", "names", {"a": 1, "b": 2}),
    ("names: {a: 1}", "names.b=2", "names", {"a": 1, "b": 2}),
    ("paper: {width: 300}", "paper.punch=[250]", "paper.width", 300),
    ("paper: {punch: [1, 2]}", "paper.punch.1=7", "paper.punch", [1, 7]),
    # A component: whole, by key, by name, and where the file holds the short form, nothing, or null.
    ("main: {name: circle, radius: 2}", "main={name: square, side: 3}", "main.side", 3),
    ("main: {name: circle, radius: 2}", "main.filled=true", "main.radius", 2.0),
    ("main: {name: circle, radius: 2}", "main.name=circle", "main.radius", 2.0),
    ("main: {name: square, side: 2, filled: true}", "main=circle", "main.filled", False),
    ("main: {name: square, side: 2, filled: true}", "main.name=circle", "main.filled", False),
    ("main: circle", "main.radius=3", "main.radius", 3.0),
    ("limit: 1", "main.radius=3", "main.radius", 3.0),
    ("frame: null", "frame.name=circle", "frame.radius", 1.0),
    ("either: circle", "either.radius=4", "either.radius", 4.0),
    ("others: circle", "others.radius=4", "others.0.radius", 4.0),
    ("others: [circle, circle]", "others.1.radius=4", "others.1.radius", 4.0),
    ("others: [circle]", "others.radius=4", "others.0.radius", 4.0),
    ("others: [{name: square, side: 3}]", "others.name=circle", "others.0.radius", 1.0),
    ("others: [circle, circle]", "others.1={name: square, side: 1}", "others.1.side", 1),
]


@pytest.mark.parametrize(
    ("text", "override", "key", "value"), [c for c in CHANGES if c[3] is not None or "null" in c[1]]
)
def test_a_change(text: str, override: str, key: str, value: object, dumped: Callable[..., dict[str, object]]) -> None:
    found: object = dumped(text, override)
    for part in key.split("."):
        found = found[int(part)] if isinstance(found, list) else found[part]  # type: ignore[index]
    assert found == value
    assert type(found) is type(value)


def test_the_order_of_narrow_and_wide_settings_does_not_matter(dumped: Callable[..., dict[str, object]]) -> None:
    settings = ("main.name=square", "main.side=4", "paper={width: 400}", "paper.punch=[350]")
    results = [dumped("main: {name: circle, radius: 9}", *order) for order in permutations(settings)]
    assert results[0]["main"] == {"name": "square", "side": 4, "filled": False}
    assert all(result == results[0] for result in results)


def test_of_two_settings_of_one_key_the_last_counts(dumped: Callable[..., dict[str, object]]) -> None:
    assert dumped("limit: 1", "limit=2", "limit=3")["limit"] == 3


MISTAKES = [
    ("lmit=3", "--set lmit: unknown key; did you mean limit?"),
    ("limit=0", "--set limit: wants a whole number ≥ 1, or null, found 0"),
    ("limit=x", '--set limit: wants a whole number ≥ 1, or null, found the text "x"'),
    ("main.radios=3", "--set main.radios: unknown key; did you mean radius?"),
    ("main.radios.x=3", "--set main.radios: unknown key; did you mean radius?"),
    ("main.name=sqare", '--set main.name: unknown name "sqare"; did you mean square?'),
    ("main={name: square, sid: 1}", "--set main.sid: unknown key; did you mean side?"),
    ("others.2=circle", "--set others.2: 2 is no index of a list of 1; the first is 0"),
    ("either.x=circle", "--set either.x: x is no index of a list of 2; the first is 0"),
    ("others.x=3", "--set others.x: unknown key; choose one of name, radius, filled"),
    ("limit.x=3", "--set limit.x: there is no key x below 1"),
    ("file=${NOT_SET_ANYWHERE}", "--set file: the environment variable NOT_SET_ANYWHERE is not set"),
    ("limit", "--set limit: write key=value, for example --set training.max_epochs=3"),
    ("=3", "--set =3: write key=value"),
    ("a..b=3", "--set a..b=3: write key=value"),
    ("limit=[1", "--set limit=[1: not valid YAML"),
    ("limit=!!int 3", "--set limit: the tag tag:yaml.org,2002:int is not accepted"),
]


@pytest.mark.parametrize(("override", "sentence"), MISTAKES)
def test_mistakes_name_the_option(override: str, sentence: str, drawing: type[Config], write: Write) -> None:
    path = write("limit: 1\nmain: {name: circle}\nothers: [circle]\neither: [circle, circle]\n")
    with pytest.raises(UsageError) as caught:
        load_config(path, drawing, [override])
    assert sentence in str(caught.value)
    assert str(path) not in str(caught.value)


def test_an_override_heals_the_file(drawing: type[Config], write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOT_SET_ANYWHERE", raising=False)
    path = write("limit: 0\nfile: ${NOT_SET_ANYWHERE}/x\nmain: {name: square, side: 99}\n")
    config = load_config(path, drawing, ["limit=1", "file=y", "main=circle"])
    assert config.model_dump(mode="json")["file"] == "y"
