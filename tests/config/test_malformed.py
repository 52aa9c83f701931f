"""Malformed configurations through the command line: clear sentences with places, exit code 2, never a traceback."""

# ruff: noqa: E501 - in the tables, a case is a line

from __future__ import annotations

from pathlib import Path

import pytest

from asrtrain.cli import main

BASE = "data:\n  train: {name: fsdd, folder: here, split: train}\nmodel: cnn\n"
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 20)
)

# Below BASE, so that the first line is the fourth of the file.
ADDED = {
    "unknown key at the top": ("trainng: {}", ":4: trainng: unknown key; did you mean training?"),
    "unknown key in a section": ("training:\n  max_epoch: 3", ":5: training.max_epoch: unknown key; did you mean max_epochs?"),
    "unknown key in a component": ("optimizer: {name: sgd, momentun: 0.9}", "optimizer.momentun: unknown key; did you mean momentum?"),
    "unknown key, nothing like it": ("training: {zzz: 3}", ":4: training.zzz: unknown key; choose one of max_epochs,"),
    "key of another component": ("optimizer: {name: adam, nesterov: true}", ":4: optimizer.nesterov: unknown key"),
    "unknown component": ("optimizer: {name: adm}", ':4: optimizer.name: unknown name "adm"; did you mean adam?'),
    "unknown component by name alone": ("schedule: cosin", ':4: schedule: unknown name "cosin"; did you mean cosine?'),
    "unknown component, nothing like it": ("objective: zzz", 'objective: unknown name "zzz"; choose one of cross_entropy,'),
    "component without a name": ("optimizer: {lr: 0.1}", ":4: optimizer: needs a name: one of sgd,"),
    "component that is a number": ("features: 3", ":4: features: wants one of mfcc, log_mel, spectrogram, found 3"),
    "component that is null": ("objective: null", ":4: objective: wants one of cross_entropy, mae, ctc, attention, lf_mmi, found nothing (null)"),
    "component whose name is a list": ("optimizer: {name: [sgd]}", ":4: optimizer.name: wants one of sgd,"),
    "text for a number": ("optimizer: {name: sgd, lr: fast}", 'optimizer.lr: wants a number > 0, found the text "fast"'),
    "true for a number": ("optimizer: {name: sgd, lr: true}", "optimizer.lr: wants a number > 0, found true"),
    "true for a whole number": ("seed: true", ":4: seed: wants a whole number"),
    "quoted number": ('training: {max_epochs: "3"}', 'wants a whole number > 0, found the text "3"; remove the quotes'),
    "fraction for a whole number": ("training: {max_epochs: 2.5}", "max_epochs: wants a whole number > 0, found 2.5"),
    "float for a whole number": ("training: {max_epochs: 1e1}", "max_epochs: wants a whole number > 0, found 10.0"),
    "word for a switch": ("optimizer: {name: sgd, nesterov: on}", 'wants true or false, found the text "on"; write true'),
    "number for a switch": ("optimizer: {name: sgd, nesterov: 1}", "nesterov: wants true or false, found 1"),
    "number for a path": ("output_dir: 3", ":4: output_dir: wants a path, found 3"),
    "null for a number": ("training: {max_epochs: null}", "max_epochs: wants a whole number > 0, found nothing (null)"),
    "list for a number": ("training: {max_epochs: [1, 2]}", "max_epochs: wants a whole number > 0, found a list of 2"),
    "scalar for a section": ("training: long", ":4: training: wants a mapping with the keys max_epochs,"),
    "list for a section": ("training:\n- 3", ":4: training: wants a mapping with the keys max_epochs,"),
    "choice that there is not": ("training: {precision: fp64}", 'precision: wants one of fp32, bf16, fp16, found the text "fp64"'),
    "zero epochs": ("training: {max_epochs: 0}", "max_epochs: wants a whole number > 0, found 0"),
    "negative learning rate": ("optimizer: {name: sgd, lr: -1e-3}", "optimizer.lr: wants a number > 0, found -0.001"),
    "infinite learning rate": ("optimizer: {name: sgd, lr: .inf}", "optimizer.lr: must be a finite number, found inf"),
    "learning rate that is no number": ("optimizer: {name: sgd, lr: .nan}", "optimizer.lr: must be a finite number"),
    "dropout of one": ("objective: {name: cross_entropy, label_smoothing: 1.5}", "objective.label_smoothing: wants a number"),
    "negative seed": ("seed: -1", ":4: seed: wants a whole number ≥ 0"),
    "seed beyond 64 bits": ("seed: 99999999999999999999", ":4: seed: wants a whole number ≥ 0"),
    "interval the wrong way round": ("augmentation:\n  speed: [1.1, 0.9]", ":5: augmentation.speed: the range [1.1, 0.9] ends before it begins"),
    "interval of three": ("augmentation:\n  speed: [0.9, 1.0, 1.1]", ":5: augmentation.speed: takes at most 2 items"),
    "unknown clipping rule": ("clipping: {name: nrom, threshold: 1}", ':4: clipping.name: unknown name "nrom"; did you mean norm?'),
    "clipping rule without a threshold": ("clipping: norm", ":4: clipping.threshold: is missing; it wants a number > 0"),
    "negative threshold": ("clipping: {name: norm, threshold: -1}", ":4: clipping.threshold: wants a number > 0, found -1"),
    "unknown threshold": ("clipping:\n  name: norm\n  threshold: {name: dynamo}", ':6: clipping.threshold.name: unknown name "dynamo"; did you mean dynamic?'),
    "mistake in the second rule": ("clipping:\n- none\n- {name: value, threshold: zero}", ':6: clipping.1.threshold: wants a number > 0'),
    "clash of objective and unit": ("objective: ctc", "objective ctc transcribes, but data.unit is label; write data.unit: char or data.unit: word"),
    "clash of batch measures": ("training: {batch_size: 8, batch_seconds: 10}", ":4: training: batch_size and batch_seconds exclude each other"),
    "written twice": ("seed: 1\nseed: 2", ":5: seed: written twice, in lines 4 and 5; keep one"),
    "undefined variable": ("output_dir: ${NOT_SET_ANYWHERE}/runs", ":4: output_dir: the environment variable NOT_SET_ANYWHERE is not set"),
    "unfinished variable": ("output_dir: '${HOME'", ":4: output_dir: '${' begins no variable"),
    "tab": ("training:\n\tmax_epochs: 3", ":5: not valid YAML: the line is indented with a tab; use spaces"),
    "unbalanced bracket": ("training: {max_epochs: 3", "not valid YAML: did not find expected ',' or '}'"),
    "wrong indentation": ("training:\n    max_epochs: 3\n  patience: 2", ":6: not valid YAML"),
    "two colons": ("output_dir: a: b", ":4: not valid YAML: a second ': ' in one value; check the indentation or quote it"),
    "reserved character": ("output_dir: @runs", ":4: not valid YAML: a value begins with a reserved character; quote it"),
    "Python tag": ("output_dir: !!python/object/apply:os.system ['true']", ":4: output_dir: the tag tag:yaml.org,2002:python/object/apply:os.system is not accepted"),
    "alias without an anchor": ("output_dir: *runs", ":4: the alias *runs refers to no anchor &runs before it"),
    "alias bomb": (BOMB, "more than 20,000 values, counting what aliases repeat"),
    "deep nesting": ("training: " + "[" * 5000, ":4: nested more than 32 levels deep"),
    "list as a key": ("? [a, b]\n: 3", ":4: a key must be plain text"),
    "two documents": ("---\nseed: 1", ":4: a second document begins here; a configuration is one document"),
    "control character": ("output_dir: \x1b[0m", ":4: the control character U+001B is not allowed in YAML; remove it"),
}  # fmt: skip

WHOLE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "the file is empty; 'asrtrain config init' writes one to start from"),
    "comments alone": (b"# seed: 0\n", "the file is empty"),
    "a list": (b"- seed: 0\n", "a configuration is a mapping of keys to values, such as 'seed: 0'"),
    "a sentence": (b"train a model on my data", "a configuration is a mapping of keys to values"),
    "required keys missing": (b"seed: 0\n", "data: is missing; it wants a mapping with the keys train,"),
    "Latin-1": ("seed: 0 # \xfc".encode("latin-1"), ":1: not UTF-8 text; save the file as UTF-8"),
    "UTF-16": (BASE.encode("utf-16"), ":1: not UTF-8 text; save the file as UTF-8"),
    "a recording": (
        b"RIFF\x24\x00\x00\x00WAVEfmt ",
        ":1: the control character U+0000 is not allowed in YAML; remove it",
    ),
    "a megabyte": (b"#" * 1_000_001, ":1: too long for a configuration: more than 1,000,000 characters"),
    "megabytes": (("\u20ac" * 2_000_000).encode(), "more than 4,000,000 bytes are too many"),
}

OVERRIDES = {
    "unknown key": ("modl=cnn", "--set modl: unknown key; did you mean model?"),
    "unknown key below": ("training.max_epoch=3", "--set training.max_epoch: unknown key; did you mean max_epochs?"),
    "unknown name": ("model.name=lstn", '--set model.name: unknown name "lstn"; did you mean lstm?'),
    "wrong type": ("training.max_epochs=many", '--set training.max_epochs: wants a whole number > 0, found the text "many"'),
    "wrong range": ("optimizer.lr=0", "--set optimizer.lr: wants a number > 0, found 0"),
    "below a number": ("seed.x=3", "--set seed.x: there is no key x below 0"),
    "no value": ("seed", "--set seed: write key=value, for example --set training.max_epochs=3"),
    "broken YAML": ("clipping={name: none", "--set clipping={name: none: not valid YAML"),
    "clash": ("data.unit=char", "objective cross_entropy classifies whole recordings, but data.unit is char"),
}  # fmt: skip


def check(capsys: pytest.CaptureFixture[str], path: Path, *options: str) -> str:
    """What ``asrtrain config check`` says of a file that it refuses as it should."""
    assert main(["config", "check", str(path), *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    assert captured.err.endswith("\n")
    lines = captured.err.splitlines()
    assert len(lines) == 1, captured.err
    return lines[0]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("NOT_SET_ANYWHERE", raising=False)
    return tmp_path / "config.yaml"


@pytest.mark.parametrize("mistake", ADDED)
def test_one_mistake_in_a_good_configuration(mistake: str, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, sentence = ADDED[mistake]
    file.write_text(BASE + text + "\n", encoding="utf-8")
    said = check(capsys, file)
    assert said.startswith(str(file))
    assert sentence in said


@pytest.mark.parametrize("mistake", WHOLE)
def test_files_that_are_no_configuration(mistake: str, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content, sentence = WHOLE[mistake]
    file.write_bytes(content)
    assert main(["config", "check", str(file)]) == 2
    said = capsys.readouterr().err
    assert all(line.startswith(str(file)) for line in said.splitlines())
    assert sentence in said


@pytest.mark.parametrize("mistake", OVERRIDES)
def test_mistakes_on_the_command_line(mistake: str, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    override, sentence = OVERRIDES[mistake]
    file.write_text(BASE + "seed: 0\n", encoding="utf-8")
    assert sentence in check(capsys, file, "--set", override)


def test_every_mistake_is_told_at_once(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = ["seed: -1", "optimizer: {name: adm}", "schedule: {name: step, gama: 2}", "training:", "  max_epochs: many"]
    file.write_text(BASE + "\n".join(texts), encoding="utf-8")
    assert main(["config", "check", str(file), "--set", "clipping=nrom"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert sorted(line.removeprefix(str(file)).split(": ")[0] for line in said) == [
        *("--set clipping", ":4", ":5", ":6", ":8"),
    ]


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(capsys, tmp_path / "no.yaml") == f"{tmp_path / 'no.yaml'}: there is no such file"
    assert check(capsys, tmp_path) == f"{tmp_path}: is a folder; give a YAML file"


def test_the_good_configuration_is_good(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(BASE, encoding="utf-8")
    monkeypatch.chdir(file.parent)
    Path("here").mkdir()
    assert main(["config", "check", str(file)]) == 0
    assert capsys.readouterr().out == f"{file}: no mistakes\n"


def test_the_table_is_long_enough() -> None:
    assert len(ADDED) + len(WHOLE) + len(OVERRIDES) >= 40
