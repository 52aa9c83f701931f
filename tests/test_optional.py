"""Libraries that only some choices need: where one is missing or broken, a sentence with the command that mends it."""

from __future__ import annotations

import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from asrtrain.cli import main
from asrtrain.data.download import fetch
from asrtrain.errors import UsageError
from asrtrain.features.log_mel import LogMelConfig
from asrtrain.optional import optional
from asrtrain.reporting.html.page import report_page
from asrtrain.reporting.html.svg import sheet
from asrtrain.reporting.style import picture
from asrtrain.training.board import Board

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ASKED = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["synthesis"]]


@pytest.fixture(autouse=True)
def _asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What pyproject.toml asks for now, not what it asked for when this package was installed."""
    monkeypatch.setattr("asrtrain.optional.requires", lambda _: ASKED)


def drawn(folder: Path) -> None:
    with picture(folder / "picture.png", 3, 3):
        pass


def sketched(_: Path) -> None:
    with sheet("curves", 3):
        pass


USES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "torchaudio": ("torchaudio", lambda _: LogMelConfig(backend="torchaudio").build()),
    "librosa": ("librosa", lambda _: LogMelConfig(backend="librosa").build()),
    "matplotlib": ("matplotlib", drawn),
    "matplotlib (SVG)": ("matplotlib", sketched),
    "jinja2": ("jinja2", lambda _: report_page([], "1")),
    "tensorboard": ("tensorboard", lambda folder: Board(folder / "board", 0)),
    "pooch": ("pooch", lambda folder: fetch("http://localhost:1/x.tar.gz", folder, progress=False)),
    "requests": ("requests", lambda folder: fetch("http://localhost:1/x.tar.gz", folder, progress=False)),
}


@pytest.mark.parametrize("use", USES)
def test_a_missing_library_is_one_sentence(use: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library, call = USES[use]
    for name in [
        name for name in sys.modules if name == library or name.startswith((f"{library}.", "torch.utils.tens"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UsageError, match=f"needs {library}, which does not load") as caught:
        call(tmp_path)
    assert "\n" not in str(caught.value)
    assert shlex.join([sys.executable, "-m", "pip", "install"]) in str(caught.value)
    assert caught.value.exit_code == 2


def remedy(library: str, error: Exception) -> list[str]:
    with pytest.raises(UsageError) as caught, optional(library, "this"):
        raise error
    return shlex.split(str(caught.value).rpartition("): ")[2])[4:]


def test_what_is_missing_is_installed_in_the_version_that_is_asked_for() -> None:
    assert remedy("librosa", ModuleNotFoundError("No module named 'numba'")) == ["librosa>=0.11"]
    assert remedy("torchaudio", ModuleNotFoundError()) == ["torch==2.11.0", "torchaudio==2.11.0"]
    with (
        pytest.raises(UsageError, match=r"this needs nowhere, which is not installed \(No module"),
        optional("nowhere", "this"),
    ):
        import nowhere  # type: ignore[import-not-found]  # noqa: F401


def test_what_is_broken_is_installed_again_or_in_its_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = {"torch": "2.11.0+cu130", "torchaudio": "2.11.0", "librosa": "0.11.0"}
    monkeypatch.setattr("asrtrain.optional.version", installed.__getitem__)
    broken = OSError("libtorchaudio.so: undefined symbol: _ZN3c10")
    assert remedy("librosa", broken) == ["--force-reinstall", "--no-deps", "librosa>=0.11"]
    assert remedy("torchaudio", broken) == ["--force-reinstall", "--no-deps", "torchaudio==2.11.0"]
    for name, other in (("torchaudio", "2.11.1"), ("torch", "2.13.0")):
        monkeypatch.setitem(installed, name, other)
        assert remedy("torchaudio", broken) == ["torch==2.11.0", "torchaudio==2.11.0"]


CONFIG = """
data:
  train: {name: manifest, path: recordings, format: folder}
  dev: {name: manifest, path: recordings, format: folder}
model: softmax
features: {name: mfcc, sample_rate: 8000}
training: {max_epochs: 1}
"""


def write_words(folder: Path, fsdd: Path) -> None:
    """Recordings of two words, and a configuration that trains on them."""
    for path in fsdd.glob("[01]_*_[0-1].wav"):
        (folder / "recordings" / path.name[0]).mkdir(parents=True, exist_ok=True)
        (folder / "recordings" / path.name[0] / path.name).symlink_to(path)
    (folder / "words.yaml").write_text(CONFIG, encoding="utf-8")


def test_who_lacks_matplotlib_is_told_before_training_and_scoring(
    fsdd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_words(tmp_path, fsdd)
    monkeypatch.chdir(tmp_path)
    assert main(["fit", "words.yaml", "--output", "run"]) == 0
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for line in (["fit", "words.yaml", "--output", "other"], ["eval", "run", "--split", "dev"]):
        capsys.readouterr()
        assert main(line) == 2
        assert "drawing pictures needs matplotlib, which does not load" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()
    assert not list((tmp_path / "run" / "results").glob("dev*"))


def with_broken_matplotlib(folder: Path, broken: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command, in a process that finds a matplotlib first one of whose modules does not load."""
    module = folder / "broken" / "matplotlib" / broken
    module.parent.mkdir(parents=True, exist_ok=True)
    (folder / "broken" / "matplotlib" / "__init__.py").touch()
    module.write_text("raise ImportError('numpy.core.multiarray failed to import')\n", encoding="utf-8")
    program = (
        f"import sys; sys.path.insert(0, {str(folder / 'broken')!r}); from asrtrain.cli import main; sys.exit(main())"
    )
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True)


BROKEN = "drawing pictures needs matplotlib, which does not load (numpy.core.multiarray failed to import): "


def test_whose_matplotlib_is_broken_is_told_before_training(fsdd: Path, tmp_path: Path) -> None:
    write_words(tmp_path, fsdd)
    for line in (["fit", "words.yaml", "--output", "run"], ["compare", "words.yaml", "--output", "runs"]):
        done = with_broken_matplotlib(tmp_path, "__init__.py", *line)
        assert done.returncode == 2
        assert BROKEN in done.stderr and "pip install" in done.stderr
        assert not (tmp_path / line[-1]).exists()


def test_a_matplotlib_that_breaks_later_costs_pictures_and_no_training_or_scores(fsdd: Path, tmp_path: Path) -> None:
    write_words(tmp_path, fsdd)
    done = with_broken_matplotlib(tmp_path, "figure.py", "fit", "words.yaml", "--output", "run")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("there are no pictures: drawing pictures needs matplotlib, which does not load") == 1
    assert (tmp_path / "run" / "outcome.json").is_file()
    done = with_broken_matplotlib(tmp_path, "figure.py", "eval", "run", "--split", "dev")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("there are no pictures: drawing pictures needs matplotlib, which does not load") == 1
    assert (tmp_path / "run" / "results" / "dev.json").is_file()


@pytest.mark.slow
def test_a_torchaudio_of_another_pair_stops_only_those_who_chose_it(fsdd: Path, tmp_path: Path) -> None:
    write_words(tmp_path, fsdd)
    (tmp_path / "broken" / "torchaudio").mkdir(parents=True)
    module = tmp_path / "broken" / "torchaudio" / "__init__.py"
    module.write_text("raise OSError('libtorchaudio.so: undefined symbol: torch_call_dispatcher')\n", encoding="utf-8")
    program = (
        f"import sys; sys.path.insert(0, {str(module.parents[1])!r}); from asrtrain.cli import main; sys.exit(main())"
    )

    def fit(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", program, "fit", "words.yaml", "--output", "run", *arguments]
        return subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True)

    assert fit().returncode == 0
    chosen = fit("--set", "features.backend=torchaudio", "--output", "other")
    assert chosen.returncode == 2
    assert (
        "features.backend: torchaudio needs torchaudio, which does not load (libtorchaudio.so: undef" in chosen.stderr
    )
    assert not (tmp_path / "other").exists()


HIDDEN = """
import sys
for library in ("torchaudio", "librosa"):
    sys.modules[library] = None
import pytest
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "tests/features"]))
"""


@pytest.mark.slow
def test_features_are_right_where_torchaudio_and_librosa_are_missing() -> None:
    done = subprocess.run([sys.executable, "-c", HIDDEN], check=False, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "torchaudio does not load here" in done.stdout
    assert "librosa does not load here" in done.stdout


def test_the_pinned_pair_loads() -> None:
    pins = dict(requirement.split("==") for requirement in ASKED if "==" in requirement)
    assert pins == {"torch": "2.11.0", "torchaudio": "2.11.0"}
    if version("torch").split("+")[0] != pins["torch"]:
        pytest.skip(f"torch {version('torch')} is tried, whose torchaudio need not load")
    import librosa.feature  # noqa: F401
    import torchaudio.transforms  # noqa: F401
