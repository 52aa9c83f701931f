"""Clipping that cannot be meant is refused with its key, in one sentence and exit code 2, by real YAML files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from asrtrain.cli import main
from asrtrain.clipping import CLIPPERS
from asrtrain.clipping.thresholds import THRESHOLDS

Ask = Callable[..., tuple[int, str]]
CONFIG = """\
data: {{train: {{name: manifest, path: digits.csv}}, dev: {{name: manifest, path: digits.csv}}, unit: label}}
features: {{name: mfcc, sample_rate: 8000}}
model: {{name: mlp, hidden_sizes: [4]}}
training: {{max_epochs: 1}}
clipping: {clipping}
"""
THRESHOLDED = [
    name for name, config in CLIPPERS.items() if "threshold" in config.model_fields and "of" not in config.model_fields
]
NUMBERS = ["-1.0", "-.inf", ".nan", ".inf", "0", "true", '"1.0"', "null", "high", "[1.0]"]


@pytest.fixture
def ask(fsdd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Writes ``clipping`` into a configuration and asks a command about it: the exit code, and what it says."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASRTRAIN_CACHE", str(tmp_path / "cache"))
    rows = [f"{fsdd}/{digit}_theo_{i}.wav,{digit}" for digit in range(2) for i in range(3)]
    (tmp_path / "digits.csv").write_text("\n".join(["audio,text", *rows]), encoding="utf-8")

    def ask(clipping: str, *command: str) -> tuple[int, str]:
        Path("run.yaml").write_text(CONFIG.format(clipping=clipping), encoding="utf-8")
        code = main([*(command or ("config", "check")), "run.yaml"])
        return code, capsys.readouterr().err

    return ask


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("name", THRESHOLDED)
def test_a_threshold_that_is_none(ask: Ask, name: str, number: str) -> None:
    code, said = ask(f"{{name: {name}, threshold: {number}}}")
    assert code == 2
    assert said.startswith("run.yaml:5: clipping.threshold: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize("number", ["-1.0", ".nan", ".inf", "true", '"1.0"', "null"])
@pytest.mark.parametrize(
    "key",
    [
        "value: {name: fixed, value: $}",
        "low: {name: random, low: $, high: 1.0}",
        "high: {name: random, low: 1.0, high: $}",
        "start: {name: scheduled, start: $, end: 1.0, steps: 9}",
        "floor: {name: dynamic, floor: $}",
        "factor: {name: median, factor: $}",
        "factor: {name: ema, factor: $}",
        "z: {name: zscore, z: $}",
    ],
)
def test_a_number_of_a_threshold_that_is_none(ask: Ask, key: str, number: str) -> None:
    key, _, threshold = key.partition(": ")
    code, said = ask("{name: norm, threshold: " + threshold.replace("$", number) + "}")
    assert code == 2
    assert said.startswith(f"run.yaml:5: clipping.threshold.{key}: ")
    assert said.count("\n") == 1


def test_every_threshold_of_the_table_has_been_tried() -> None:
    assert set(THRESHOLDS) == {"fixed", "random", "scheduled", "dynamic", "median", "ema", "zscore"}


@pytest.mark.parametrize("number", ["-1.0", ".nan", ".inf", "true", '"1.0"', "0"])
@pytest.mark.parametrize(
    "key",
    [
        "max_change.per_layer",
        "max_change.total",
        "clippy.absolute",
        "update_rms.eps",
        "agc.clip_factor",
        "adagc.absolute",
    ],
)
def test_a_bound_that_is_none(ask: Ask, key: str, number: str) -> None:
    name, _, own = key.partition(".")
    code, said = ask(f"{{name: {name}, {own}: {number}}}")
    assert code == 2
    assert said.startswith(f"run.yaml:5: clipping.{own}: ")
    assert said.count("\n") == 1


def test_zero_must_be_meant(ask: Ask) -> None:
    code, said = ask("{name: norm, threshold: {name: fixed, value: 0}}")
    assert code == 2
    assert said.startswith(
        "run.yaml:5: clipping.threshold: a value of 0 stops all learning; write a number > 0, or freeze"
    )
    assert ask("{name: norm, threshold: {name: fixed, value: 0, freeze: true}}") == (0, "")
    assert ask("{name: norm, threshold: {name: fixed, value: 1, freeze: true}}")[0] == 2


@pytest.mark.parametrize("rules", ["[sign, agc]", "[agc, sign]", "[agc, {name: norm, threshold: 1.0}, sign]"])
def test_signs_and_adaptive_clipping_exclude_each_other(ask: Ask, rules: str) -> None:
    sentence = "sign leaves no lengths for agc to compare with the weights; remove one of the two rules"
    assert ask(rules) == (2, f"run.yaml:5: clipping: {sentence}\n")


@pytest.mark.parametrize("rule", ["norm", "value"])
@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            "scope: group, threshold: 1.0",
            "clipping: scope: group wants a threshold for every group: {regular expression",
        ),
        ("threshold: {a: 1.0}", "clipping: a threshold for every group wants scope: group, found scope: global"),
        ("scope: group, threshold: {a: -1.0}", "clipping.threshold.a: wants a number > 0, found -1.0"),
        ("scope: group, threshold: {a: 0}", "clipping.threshold.a: wants a number > 0, found 0"),
        ("scope: group, threshold: {a: .nan}", "clipping.threshold.a: must be a finite number, found nan"),
        ("scope: group, threshold: {a: true}", "clipping.threshold.a: wants a number > 0, or one of fixed, "),
        ("scope: group, threshold: {a: {name: fixd}}", 'clipping.threshold.a.name: unknown name "fixd"; did you mean'),
        ("scope: group, threshold: {'(': 1.0}", "'(' is no regular expression"),
        ("scope: group, threshold: {}", "clipping.threshold: needs at least 1 items"),
    ],
)
def test_groups_that_are_none(ask: Ask, rule: str, settings: str, sentence: str) -> None:
    code, said = ask(f"{{name: {rule}, {settings}}}")
    assert code == 2
    assert sentence in said
    assert said.count("\n") == 1


def test_groups_are_written_as_a_newcomer_would(ask: Ask) -> None:
    for rule in ("norm", "value"):
        assert ask(
            f"{{name: {rule}, scope: group, threshold: {{weight: 1.0, bias: {{name: random, low: 1, high: 2}}}}}}"
        ) == (0, "")


@pytest.mark.parametrize(
    ("rule", "key"),
    [
        ("{name: norm, scope: group, threshold: $}", "clipping.0.threshold"),
        ("{name: value, scope: group, threshold: $}", "clipping.0.threshold"),
        ("[none, {name: norm_by_group, groups: $}]", "clipping.1.groups"),
    ],
    ids=["norm", "value", "norm_by_group"],
)
@pytest.mark.parametrize(
    ("groups", "sentence"),
    [
        (
            "{bias: 1.0}",
            "no group covers the parameter encoder.layers.0.linear.weight; add an expression",
        ),
        (
            "{bias: 1.0, weight: 1.0, '^encoder.layers.0': 1.0}",
            "'^encoder.layers.0' both cover the parameter encoder.layers.0.linear.weight; make",
        ),
        (
            "{bias: 1.0, weight: 1.0, cnn: 1.0}",
            "'cnn' finds no parameter; correct or remove it; there are encoder.layers.0.linear.weight",
        ),
    ],
    ids=["none", "two", "idle"],
)
def test_every_parameter_is_covered_once_before_the_first_step(
    ask: Ask, rule: str, key: str, groups: str, sentence: str
) -> None:
    clipping = rule.replace("$", groups)
    assert ask(clipping) == (0, "")  # the names of the parameters are not known yet
    for command in (["fit"], ["fit", "--dry-run"]):
        code, said = ask(clipping, *command)
        assert code == 2
        (complaint,) = [line for line in said.splitlines() if "clipping" in line]
        assert complaint.startswith(f"{key}: ")
        assert sentence in complaint
    assert not list(Path().glob("runs/*/checkpoints/*/*"))


def test_what_agc_leaves_out_must_be_there(ask: Ask) -> None:
    code, said = ask("{name: agc, exclude: ['^classifier']}", "fit", "--dry-run")
    assert code == 2
    assert "clipping.0.exclude: '^classifier' finds no parameter; correct or remove it; there are encoder." in said
    assert ask("{name: agc, exclude: ['bias$']}", "fit", "--dry-run")[0] == 0
