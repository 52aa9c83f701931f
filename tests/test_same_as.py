"""Two versions are told to be the same only if they are: weights under whatever names, and runs of whole trees."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

import same_as  # noqa: E402
from same.recipes import in_order, recipe  # noqa: E402
from same.weights import likeness  # noqa: E402

WEIGHTS = {
    "conv.weight": torch.arange(6.0).view(2, 3),
    "linear.weight": torch.arange(6.0).view(2, 3) + 1,
    "linear.bias": torch.tensor([1.0, -2.0]),
    "steps": torch.tensor(3),
}


def test_equal_weights_are_equal() -> None:
    found = likeness(WEIGHTS, {name: tensor.clone() for name, tensor in WEIGHTS.items()}, {})
    assert (found.equal, found.largest, found.renamed, found.alone) == (True, 0.0, 0, ())


@pytest.mark.parametrize("names", [{}, {"linear.": "head.linear.", "conv.": "encoder.conv.", "l": "wrong"}])
def test_names_do_not_matter(names: dict[str, str]) -> None:
    new = {("encoder." if name == "conv.weight" else "head.") + name: tensor for name, tensor in WEIGHTS.items()}
    found = likeness(WEIGHTS, dict(reversed(new.items())), names)
    assert found.equal
    assert found.renamed == (1 if names else 4)


def test_a_difference_is_measured_by_the_largest_element() -> None:
    changed = WEIGHTS | {"linear.bias": torch.tensor([1.0, -2.002])}
    for new in (changed, {f"head.{name}": tensor for name, tensor in changed.items()}):
        found = likeness(WEIGHTS, new, {})
        assert not found.equal
        assert found.largest == pytest.approx(0.001, rel=0.01)


def test_what_is_no_number_and_the_sign_of_zero_are_differences() -> None:
    lost = likeness({"w": torch.tensor([1.0, 2.0])}, {"w": torch.tensor([1.0, torch.nan])}, {})
    sign = likeness({"w": torch.tensor([0.0, 2.0])}, {"w": torch.tensor([-0.0, 2.0])}, {})
    same = likeness({"w": torch.tensor([1.0, torch.nan])}, {"w": torch.tensor([1.0, torch.nan])}, {})
    assert (lost.equal, lost.largest) == (False, torch.inf)
    assert (sign.equal, sign.largest) == (False, 0.0)
    assert same.equal


def test_tensors_without_counterpart_are_named() -> None:
    found = likeness(WEIGHTS, WEIGHTS | {"linear.bias": torch.zeros(3)}, {})
    assert (found.equal, found.alone) == (False, ("linear.bias", "linear.bias"))
    assert not likeness(WEIGHTS, WEIGHTS | {"more": torch.zeros(3)}, {}).equal
    assert not likeness(WEIGHTS | {"more": torch.zeros(3)}, WEIGHTS, {}).equal


def test_every_shipped_configuration_has_a_recipe_and_hybrids_follow_what_aligns_them(tmp_path: Path) -> None:
    recipes = {file.stem: recipe(file, tmp_path, 2) for file in sorted((ROOT / "configs").glob("*.yaml"))}
    assert recipes["fsdd_gmm_hmm"].settings == ("data.held_out.fraction=0.2", "training.max_epochs=5")
    assert "training.max_epochs=9" in recipes["digits_triphones"].settings
    assert f"data.train.path={tmp_path / 'own-words'}" in recipes["my_words"].settings
    assert "data.train.1.count=250" in recipes["fsdd_loso"].settings
    order = in_order(recipes, recipes)
    assert sorted(order) == sorted(recipes)
    for hybrid in ("fsdd_dnn_hmm", "digits_lstm_hmm", "ocean_dnn_hmm"):
        (first,) = recipes[hybrid].needs
        assert order.index(first) < order.index(hybrid)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of this version, whose softmax regression learns at another rate."""
    for name in ("src", "configs"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    config = tmp_path / "configs" / "fsdd_softmax.yaml"
    text = config.read_text(encoding="utf-8")
    assert "lr: 2.0e-3" in text
    config.write_text(text.replace("lr: 2.0e-3", "lr: 2.0001e-3"), encoding="utf-8")
    return tmp_path


@pytest.mark.slow
def test_a_version_is_the_same_as_itself_and_not_as_a_changed_one(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASRTRAIN_CORPORA", str(tree / "none"))  # tones are enough, and are always there
    program = [sys.executable, str(ROOT / "benchmarks" / "same_as.py"), str(ROOT)]
    for new, status, said in ((ROOT, 0, "equal to the bit"), (tree, 1, "differ by")):
        command = [*program, str(new), "--only", "fsdd_softmax"]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == status, done.stdout + done.stderr
        (line,) = (line for line in done.stdout.splitlines() if line.startswith("fsdd_softmax"))
        assert said in line


def test_entries_of_one_side_alone_do_not_agree() -> None:
    assert same_as.agreeing({"a": 1, "b": 2}, {"a": 1, "c": 2}) == (1, 3)


def test_names_are_given_one_by_one_or_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "names").write_text("a.=b.\nc=\n", encoding="utf-8")
    assert same_as.rules([str(tmp_path / "names"), "d=e"]) == {"a.": "b.", "c": "", "d": "e"}
