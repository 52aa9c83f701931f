"""``asrtrain clip list|show``: what is said of every rule."""

from __future__ import annotations

import json

import pytest
from tests.cli.conftest import Run

from asrtrain.clipping import CLIPPERS, build_clipper
from asrtrain.config.yaml12 import parse_yaml


def test_every_rule_is_in_the_table_with_all_that_it_must_tell(run: Run) -> None:
    cards = json.loads(run("clip", "list", "--format", "json").out)["rules"]
    assert [card["name"] for card in cards] == list(CLIPPERS)
    for card in cards:
        missing = [key for key in ("purpose", "formula", "source", "cost") if not card[key]]
        assert not missing, f"{card['name']} tells no {missing}: see ClipRuleConfig's docstring"
        assert "←" in card["formula"] or "=" in card["formula"], card["formula"]
        assert ": " not in card["purpose"]
        assert not {"`", "\n"} & set("".join(card.values()).replace("``", ""))


def test_the_defaults_are_those_that_a_user_gets(run: Run) -> None:
    for card in json.loads(run("clip", "list", "--format", "json").out)["rules"]:
        written = parse_yaml(
            "{name: " + card["name"] + (", " + card["defaults"] if card["defaults"] else "") + "}"
        ).data
        assert isinstance(written, dict)
        given = {key: value for key, value in written.items() if value != "required"}
        if given == written:
            build_clipper(given)
        assert set(written) == set(CLIPPERS[card["name"]].model_fields)


def test_the_table_is_plain_text_that_fits(run: Run) -> None:
    text = run("clip", "list").out
    assert max(map(len, text.splitlines())) <= 100
    assert "\x1b" not in text
    assert all(f"\n\n{name} " in f"\n\n{text}" for name in CLIPPERS)
    norm = text[text.index("\nnorm ") :].split("\n\n")[0].splitlines()
    assert norm[1].split() == ["norm", "Limit", "the", "p-norm", "N", "over", "the", "scope"]
    assert norm[2].split(maxsplit=1) == ["formula", "g ← g · min(1, c / N)"]
    assert norm[4].split(maxsplit=1) == ["source", "Pascanu, Mikolov and Bengio, 2013"]


def test_show_tells_the_keys_too(run: Run) -> None:
    for name, config in CLIPPERS.items():
        shown = run("clip", "show", name)
        assert shown.code == 0
        assert all(f"\n{key}" in shown.out for key in config.model_fields if key != "name")
    assert json.loads(run("clip", "show", "agc", "--format", "json").out)["keys"]["floor"]


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("nrom", "did you mean norm?"), ("qqq", "choose one of none, value"), ("nope", "choose one of none, value")],
)
def test_a_rule_that_there_is_not(run: Run, wrong: str, meant: str) -> None:
    result = run("clip", "show", wrong)
    assert result.code == 2
    assert meant in result.err
