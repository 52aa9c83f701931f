"""New files that know of particular components are found, and a list that is longer than the truth is complained of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
sys.path.insert(0, str(SCRIPTS))

from borders import HMM, KIND, news, offences  # noqa: E402

MODELS = """
from asrtrain.models.cnn import CNN
MODELS: dict[str, type] = {}
NAMED: dict[str, type[CNN]] = {"cnn": CNN}
"""
CNN = """
class CNN:
    def same(self, other):
        return isinstance(other, CNN) or other.name == "cnn"
"""
BY_CLASS = "from asrtrain.models.cnn import CNN\n\ndef f(x):\n    return isinstance(x, str | CNN)\n"
BY_TYPE = "from asrtrain import models\n\ndef f(x):\n    return type(x) is models.CNN\n"
BY_PATTERN = "from asrtrain.models import CNN\n\ndef f(x):\n    match x:\n        case CNN(): pass\n"
BY_NAME = "# its name\n\ndef f(x):\n    return x.model.name == 'cnn'\n"
BY_NAMES = "# its name\n\ndef f(x):\n    return x.name not in ('cnn', 'rnn')\n"


def tree(folder: Path, **files: str) -> Path:
    """A package with a folder of models, one of hidden Markov models, and these files in ``app``."""
    written = {"models/__init__": MODELS, "models/cnn": CNN, "hmm/graph": "", "assembly": "import asrtrain.hmm.graph\n"}
    for name, text in {**written, **{f"app/{name}": text for name, text in files.items()}}.items():
        path = folder / "src" / "asrtrain" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "src"


@pytest.mark.parametrize("text", [BY_CLASS, BY_TYPE, BY_PATTERN, BY_NAME, BY_NAMES])
def test_who_asks_for_a_kind_of_component_is_found(tmp_path: Path, text: str) -> None:
    line = 5 if text == BY_PATTERN else 4
    assert offences(tree(tmp_path, fit=text)) == {(KIND, "asrtrain/app/fit.py"): [line]}


def test_other_classes_and_names_are_nobodys_business(tmp_path: Path) -> None:
    others = "from asrtrain.models import CNN\n\ndef f(x):\n    return isinstance(x, str) or x.name == 'test.csv'\n"
    assert offences(tree(tmp_path, fit=others)) == {}


def test_what_all_components_are_may_be_asked_for(tmp_path: Path) -> None:
    source = tree(tmp_path, fit="from asrtrain.models.interface import Model\n\ndef f(x):\n    isinstance(x, Model)\n")
    (source / "asrtrain" / "models" / "interface.py").write_text("class Model: ...\n", encoding="utf-8")
    assert offences(source) == {}


def test_who_imports_from_hmm_is_found(tmp_path: Path) -> None:
    lazy = "def f():\n    from asrtrain.hmm import graph\n"
    assert offences(tree(tmp_path, fit=lazy)) == {(HMM, "asrtrain/app/fit.py"): [2]}


def test_the_list_is_the_truth(tmp_path: Path) -> None:
    place = (KIND, "asrtrain/app/fit.py")
    found = offences(tree(tmp_path, fit=BY_CLASS))
    assert not list(news(found, {place: 1}))
    assert list(news(found, {})) == ["src/asrtrain/app/fit.py: asks for a kind in 1 lines (4), of which 0 are known"]
    (longer,) = news(found, {place: 2})
    assert longer.endswith("in 1 lines: lower its figure in scripts/borders.py, 2")
    (gone,) = news({}, {place: 1})
    assert gone.endswith("in 0 lines: lower its figure in scripts/borders.py, 1")


def test_there_is_nothing_new_in_this_repository() -> None:
    done = subprocess.run([sys.executable, SCRIPTS / "borders.py"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
