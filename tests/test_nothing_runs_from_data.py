"""No file that asrtrain reads can make it run anything."""

from __future__ import annotations

import ast
import io
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

import asrtrain
from asrtrain.cli import main

SOURCE = Path(asrtrain.__file__).parent
RUN_WHAT_THEY_READ = {
    *("eval", "exec", "compile", "pickle.load", "pickle.loads", "pickle.Unpickler", "torch.load", "joblib.load"),
    *("marshal.loads", "shelve.open", "yaml.load", "yaml.unsafe_load", "yaml.full_load", "os.system", "os.popen"),
}


def _called(tree: ast.AST) -> set[str]:
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


def test_no_line_of_the_source_runs_what_a_file_says() -> None:
    files = list(SOURCE.rglob("*.py"))
    assert len(files) > 200
    found = {(path, call) for path in files for call in _called(ast.parse(path.read_text())) & RUN_WHAT_THEY_READ}
    assert not found
    assert not [path for path in files if "allow_pickle=True" in path.read_text()]


class Program:
    """Makes a file where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self._mark,)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    for name, frequency in (("low", 400), ("high", 1600)):
        (folder / "words" / name).mkdir(parents=True)
        for index in range(4):
            wave = 0.3 * np.sin(2 * np.pi * (frequency + 20 * index) * np.arange(2000) / 8000)
            soundfile.write(folder / "words" / name / f"{index}.wav", wave, 8000)
    (folder / "run.yaml").write_text(
        f"data: {{train: {{name: manifest, path: {folder}/words}}, held_out: {{by: hash, fraction: 0.3}}}}\n"
        "features: {name: mfcc, sample_rate: 8000}\nmodel: {name: softmax, frames: 4}\ntraining: {max_epochs: 1}\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASRTRAIN_CACHE", str(folder / "cache"))
        patch.chdir(folder)  # where runs/latest is pointed to the run
        assert main(["fit", str(folder / "run.yaml"), "--output", str(folder / "run")]) == 0
    return folder / "run"


@pytest.mark.parametrize("form", ["pickle", "torch"])
def test_weights_that_are_a_program_are_refused_and_not_run(form: str, run: Path, tmp_path: Path) -> None:
    mark, copy = tmp_path / "it ran", tmp_path / "run"
    shutil.copytree(run, copy, symlinks=True)
    content = io.BytesIO()
    if form == "pickle":
        pickle.dump(Program(mark), content)
    else:
        torch.save({"weight": Program(mark)}, content)
    weights = list(copy.glob("checkpoints/*/*.safetensors"))
    assert weights
    for path in weights:
        path.unlink()
        path.write_bytes(content.getvalue())
    assert main(["transcribe", str(run.parent / "words" / "low" / "0.wav"), "--run", str(copy)]) == 5
    assert not mark.exists()


def test_a_configuration_that_is_a_program_is_refused_and_not_run(tmp_path: Path) -> None:
    mark, config = tmp_path / "it ran", tmp_path / "run.yaml"
    config.write_text(f"data: !!python/object/apply:pathlib.Path.touch [{mark}]\nseed: !!python/name:os.system\n")
    assert main(["fit", str(config)]) == 2
    assert not mark.exists()
