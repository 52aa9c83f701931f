"""Damage to any file that a later command reads changes no weight, no word and no score unsaid, and ends in a sentence.

Each case draws a file, a kind of damage and its place; the seed is the case's number. What a command answers is either
what it answers of whole files, or something is said of the file that is damaged.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from damaging import Place, build, damaged, outcome_of, quickly

KINDS = ("bit", "bits", "cut", "zeros")
ROUNDS = 6
"""How often each file is damaged."""
ASRTRAIN = [sys.executable, "-m", "asrtrain"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, fsdd: Path) -> Place:
    return build(tmp_path_factory.mktemp("damage") / "place", fsdd)


def is_told(said: str, path: Path) -> bool:
    """Whether something names the file, or the folder that is proven whole with it."""
    return str(path) in said or (str(path.parent) in said and path.parent.name not in ("run", "stopped", "cache"))


def faults_of(
    place: Place, path: Path, content: bytes, capsys: pytest.CaptureFixture[str], expected: dict[str, Any]
) -> Iterator[str]:
    """What is wrong with what commands make of a file with this content."""
    place.restore(*{"run": ("run",), "stopped": ("stopped",)}.get(path.parts[0], ("cache", "stopped")))
    for name, use in place.uses(path).items():
        (place.folder / path).write_bytes(content)
        capsys.readouterr()
        try:
            kind, found = outcome_of(use)
        except Exception as error:
            yield f"{path}: {name}: {type(error).__name__}: {error}"
            continue
        said = capsys.readouterr().err
        if kind == "answer" and found != expected[name] and not is_told(said, place.folder / path):
            yield f"{path}: {name}: another answer, unsaid; said was {said!r}"


def run_cases(
    place: Place, rounds: int, capsys: pytest.CaptureFixture[str], files: list[Path]
) -> tuple[int, list[str]]:
    cases, faults = 0, list[str]()
    with quickly(place):
        place.restore()
        expected = {
            name: use() for path in ("run/explain/x", "cache/x") for name, use in place.uses(Path(path)).items()
        }
        for number in range(rounds):
            for path in files:
                whole = (place.kept / path).read_bytes()
                content = damaged(whole, KINDS[number % len(KINDS)], Random(f"{number} {path}"))
                if content == whole:
                    continue
                cases += 1
                faults += faults_of(place, path, content, capsys, expected)
    return cases, faults


def test_damage_to_any_file_is_seen_or_changes_nothing(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Every fifth file, one damage each; another kind of it for each file."""
    cases, faults = run_cases(place, 1, capsys, place.files()[::5])
    assert cases > 5
    assert not faults, "\n".join(faults)


@pytest.mark.slow
def test_hundreds_of_damages_are_seen_or_change_nothing(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    cases, faults = run_cases(place, ROUNDS, capsys, place.files())
    assert cases >= 300
    assert not faults, f"{len(faults)} of {cases}:\n" + "\n".join(faults)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("run/checkpoints/best/model.safetensors", "bit", 5),
        ("run/tokens.txt", "cut", 3),
        ("cache/waveforms-*.bin", "zeros", 0),
        ("cache/digit_strings-*/hashes.json", "bit", 0),
    ],
)
def test_a_process_ends_in_a_sentence_too(place: Place, name: str, kind: str, code: int) -> None:
    place.restore()
    for path in place.folder.glob(name):
        path.write_bytes(damaged(path.read_bytes(), kind, Random(1)))
    command = [*ASRTRAIN, "eval", str(place.folder / "run")]
    environment = {**os.environ, "ASRTRAIN_CACHE": str(place.folder / "cache")}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    assert str(place.folder / Path(*Path(name).parts[:2])).split("*")[0] in done.stderr
