"""Results say what they are of: no result takes the place of another, and none is shown for what it is not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from asrtrain.app import evaluate, merge, report
from asrtrain.errors import DataError


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A run that may be changed, without results."""
    folder = tmp_path / "run"
    shutil.copytree(trained, folder, symlinks=True)
    shutil.rmtree(folder / "results")
    return folder


@pytest.fixture
def manifest(fsdd: Path, tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a manifest of recordings of one speaker, with texts as they are or changed."""

    def write(name: str, digits: str = "01234", change: Callable[[str], str] = str) -> Path:
        words = dict(
            zip(
                "0123456789",
                ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
                strict=True,
            )
        )
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [f"{fsdd}/{digit}_theo_{take}.wav,{change(words[digit])}\n" for digit in digits for take in (0, 1)]
        path.write_text("path,text\n" + "".join(rows), encoding="utf-8")
        return path

    return write


def figures(run: Path) -> Iterator[dict]:
    return (json.loads(path.read_text(encoding="utf-8")) for path in sorted((run / "results").glob("*.json")))


def test_another_manifest_of_the_same_name_has_results_of_its_own(run: Path, manifest: Callable[..., Path]) -> None:
    own = evaluate(run)
    first, second = manifest("a/test.csv"), manifest("b/test.csv", "56")
    others = [evaluate(run, data=path) for path in (first, second)]
    evaluate(run, data=first)
    assert json.loads((run / "results" / "test.json").read_text())["accuracy"] == own.accuracy
    assert (run / "results" / "test-confusions.png").is_file()
    assert sorted(one["n"] for one in figures(run)) == [4, 10, len(own.outcomes)]
    for path, other in zip((first, second), others, strict=True):
        told = json.loads((run / "results" / f"{other.name}.json").read_text())["data"]
        assert (told["source"], told["utterances"]) == (str(path), len(other.outcomes))


def test_results_say_of_which_weights_and_which_search_they_are(run: Path) -> None:
    best, last = evaluate(run, split="dev").to_json(), evaluate(run, split="dev", checkpoint="last").to_json()
    assert (best["name"], last["name"]) == ("dev", "dev-last")
    assert best["data"] == last["data"]
    assert len(best["weights"]) == 64
    assert best["search"] == {"name": "greedy_classes"}
    assert {path.name for path in (run / "results").glob("*.json")} == {"dev.json", "dev-last.json"}


def test_what_was_scored_before_a_manifest_changed_is_kept(
    run: Path, manifest: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the name is the same all the same: a split of the run's own."""
    config = run / "config.yaml"
    test = manifest("test.csv")
    text = config.read_text(encoding="utf-8")
    begin, end = text.index("  test:\n"), text.index("  unit:") if "  unit:" in text else text.index("  text:")
    config.write_text(f"{text[:begin]}  test:\n    name: manifest\n    path: {test}\n{text[end:]}", encoding="utf-8")
    before = evaluate(run)
    manifest("test.csv", "567")
    after = evaluate(run)
    assert (len(before.outcomes), len(after.outcomes)) == (10, 6)
    assert sorted(one["n"] for one in figures(run)) == [6, 10]
    assert "was of other data or weights: it is kept as test-" in capsys.readouterr().err
    evaluate(run)
    assert sorted(one["n"] for one in figures(run)) == [6, 10]


def test_a_part_of_other_data_is_not_merged(run: Path, manifest: Callable[..., Path], tmp_path: Path) -> None:
    for number in (1, 2):
        evaluate(run, data=manifest("m.csv"), shard=f"{number}/2")
    assert len(merge(run, data=manifest("m.csv"), parts=2).outcomes) == 10
    manifest("m.csv", "43210")
    with pytest.raises(DataError, match="is missing: run eval with --shard 1/2"):
        merge(run, data=tmp_path / "m.csv", parts=2)


def page_of(run: Path, tmp_path: Path) -> str:
    return report([run], output=tmp_path / "page.html", device="cpu").read_text(encoding="utf-8")


def test_the_report_shows_the_run_s_own_test_data_alone(
    run: Path, manifest: Callable[..., Path], tmp_path: Path
) -> None:
    evaluate(run, data=manifest("test.csv", change=str.upper))
    first = page_of(run, tmp_path)
    assert "The run was scored when this report was written" in first
    own = json.loads((run / "results" / "test.json").read_text())
    assert f"%ACC {100 * own['accuracy']:.2f} " in first
    again = page_of(run, tmp_path)
    assert "The run was scored when this report was written" not in again


def test_the_report_does_not_show_figures_of_other_weights(run: Path, tmp_path: Path) -> None:
    evaluate(run)
    best = (run / "checkpoints" / "best").resolve()
    other = next(path for path in (run / "checkpoints").glob("epoch-*") if path.name != best.name)
    (run / "checkpoints" / "best").unlink()
    (run / "checkpoints" / "best").symlink_to(other.name)
    assert "The run was scored when this report was written" in page_of(run, tmp_path)
    assert {one["checkpoint"] for one in figures(run)} == {f"checkpoints/{best.name}", f"checkpoints/{other.name}"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (str.upper, "in lower case all of them could: write them so"),
        (lambda word: f"{word} {word}", "write them as the training texts are"),
        (lambda word: "ein", "write them as the training texts are"),
    ],
)
def test_references_that_cannot_come_out_right_are_told_first(
    run: Path,
    manifest: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    change: Callable[[str], str],
    told: str,
) -> None:
    found = evaluate(run, data=manifest("up.csv", change=change))
    error = capsys.readouterr().err
    assert "10 of 10 references cannot come out right, and count as errors; the first is " in error
    assert "up.csv:2, with " in error
    assert told in error
    assert found.to_json()["unsayable_references"] == 10
    assert "10 of 10 references cannot come out right, and count as errors" in found.to_text().splitlines()


def test_references_that_can_come_out_right_are_no_matter(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = evaluate(run)
    assert found.to_json()["unsayable_references"] == 0
    assert "cannot come out right" not in found.to_text()
    assert "cannot come out right" not in capsys.readouterr().err
