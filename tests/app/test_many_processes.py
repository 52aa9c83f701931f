"""Scoring and transcribing shared among processes and jobs: what comes out is what one process finds."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from asrtrain.app import evaluate, merge, transcribe
from asrtrain.app.workers import in_order
from asrtrain.errors import CheckpointError, DataError, TrainingError, UsageError
from asrtrain.evaluation import Transcript


@pytest.fixture
def many(fsdd: Path, tmp_path: Path) -> Path:
    """A folder of forty recordings of all lengths, one of which is none."""
    folder = tmp_path / "many"
    folder.mkdir()
    for digit in range(10):
        for index in range(4):
            shutil.copyfile(fsdd / f"{digit}_theo_{index}.wav", folder / f"{digit}_theo_{index}.wav")
    (folder / "3_theo_9.wav").write_text("not audio", encoding="utf-8")
    return folder


def until_the_complaint(transcripts: Iterator[Transcript]) -> list[Transcript]:
    found: list[Transcript] = []
    with pytest.raises(DataError, match="1 of 41 recordings could not be read"):
        found.extend(transcripts)
    return found


@pytest.mark.parametrize("count", [0, -1, 10**6, 10**23])
def test_so_many_processes_are_refused_before_one_is_started(count: int, transcriber: Path) -> None:
    with pytest.raises(UsageError, match=f"--nproc {count}: "):
        evaluate(transcriber, nproc=count)


def test_two_processes_score_as_one(transcriber: Path) -> None:
    alone = evaluate(transcriber)
    together = evaluate(transcriber, nproc=2)
    assert together.outcomes == alone.outcomes
    assert together.words == alone.words


def test_two_processes_transcribe_as_one_in_order(
    transcriber: Path, many: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = until_the_complaint(transcribe([many], run=transcriber))
    assert [Path(one.audio).name for one in alone] == sorted(p.name for p in many.iterdir() if p.name != "3_theo_9.wav")
    together = until_the_complaint(transcribe([many], run=transcriber, nproc=2))
    assert together == alone
    assert capsys.readouterr().err.count("3_theo_9.wav") == 2


def test_a_batch_says_what_one_recording_says(transcriber: Path, many: Path) -> None:
    (many / "3_theo_9.wav").unlink()
    together = list(transcribe([many], run=transcriber))
    for transcript in together[::7]:
        (alone,) = transcribe([transcript.audio], run=transcriber)
        assert alone.hypothesis.text == transcript.hypothesis.text
        assert alone.hypothesis.confidence == pytest.approx(transcript.hypothesis.confidence, abs=1e-4)
        assert len(alone.hypothesis.words) == len(transcript.hypothesis.words)


def test_parts_are_merged_into_the_report_of_all(transcriber: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(transcriber, run, symlinks=True)
    alone = evaluate(run)
    with pytest.raises(DataError, match=r"test-1-of-3\.json is missing"):
        merge(run, parts=3)
    parts = [evaluate(run, shard=f"{number}/3") for number in (1, 2, 3)]
    assert sum(len(part.outcomes) for part in parts) == len(alone.outcomes)
    merged = merge(run, parts=3)
    assert [one.id for one in merged.outcomes] == [one.id for one in alone.outcomes]
    assert merged.words == alone.words
    assert merged.characters == alone.characters
    assert json.loads((run / "results" / "test.json").read_text(encoding="utf-8"))["wer"] == alone.words.rate
    with pytest.raises(DataError, match=r"test-last-1-of-3\.json is missing: run eval with --shard 1/3 --ch"):
        merge(run, parts=3, checkpoint="last")
    best = run / "checkpoints" / "best"
    best.unlink()
    best.symlink_to((run / "checkpoints" / "last").resolve().name)  # as training on would do
    with pytest.raises(DataError, match=r"is of checkpoints/epoch-\d+ \(epoch \d+\), not of checkpoints/last-\S+ \(ep"):
        merge(run, parts=3)
    best.unlink()
    with pytest.raises(CheckpointError, match="no checkpoint 'best'"):
        merge(run, parts=3)
    with pytest.raises(UsageError, match="--merge 0: give the number of parts"):
        merge(run, parts=0)


def test_what_parts_are_merged_into_is_as_if_scored_at_once(trained: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run, symlinks=True)
    results = run / "results"
    evaluate(run)
    alone = {path.name: path.read_bytes() for path in results.glob("test*")}
    for path in results.glob("test*"):
        path.unlink()
    for number in (1, 2):
        evaluate(run, shard=f"{number}/2")
    merge(run, parts=2)
    assert alone.keys() <= {path.name for path in results.iterdir()}
    assert (results / "test-confusions.png").read_bytes() == alone["test-confusions.png"]
    figures = json.loads(alone["test.json"])
    best = (run / "checkpoints" / "best").resolve().name
    assert (figures["checkpoint"], figures["epoch"]) == (f"checkpoints/{best}", int(best.removeprefix("epoch-")))
    for name in ("test", "test-1-of-2", "test-2-of-2"):
        said = json.loads((results / f"{name}.json").read_text(encoding="utf-8"))
        assert (said["checkpoint"], said["epoch"]) == (figures["checkpoint"], figures["epoch"])


@pytest.mark.parametrize("kind", ["trained", "transcriber"])
def test_a_part_without_an_utterance_is_merged_with_the_others(
    kind: str, request: pytest.FixtureRequest, fsdd: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(request.getfixturevalue(kind), run, symlinks=True)
    rows = [f"{fsdd}/7_theo_{index}.wav,seven\n" for index in (1, 2)]
    (tmp_path / "two.csv").write_text("path,text\n" + "".join(rows), encoding="utf-8")
    sizes = [len(evaluate(run, data=tmp_path / "two.csv", shard=f"{number}/3").outcomes) for number in (1, 2, 3)]
    assert sizes == [1, 1, 0]
    assert len(merge(run, data=tmp_path / "two.csv", parts=3).outcomes) == 2


def test_parts_of_recordings_are_all_recordings(trained: Path, many: Path) -> None:
    (many / "3_theo_9.wav").unlink()
    parts = [[one.audio for one in transcribe([many], run=trained, shard=f"{n}/3")] for n in (1, 2, 3)]
    assert sorted(name for part in parts for name in part) == sorted(str(path) for path in many.iterdir())
    assert [len(part) for part in parts] == [14, 13, 13]


@pytest.mark.parametrize("shard", ["0/4", "5/4", "4", "a/b", "1/0"])
def test_a_part_that_is_none(trained: Path, shard: str) -> None:
    with pytest.raises(UsageError, match="--shard"):
        evaluate(trained, shard=shard)


def test_no_process_and_shared_standard_input_are_refused(trained: Path) -> None:
    with pytest.raises(UsageError, match="--nproc 0"):
        evaluate(trained, nproc=0)
    with pytest.raises(UsageError, match="standard input"):
        next(transcribe(["-"], run=trained, nproc=2))


def killed(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def build() -> object:
    return killed


def test_a_process_that_is_killed_costs_nothing_that_came_before() -> None:
    found: list[int] = []
    with pytest.raises(TrainingError, match="process 1 of 2 was ended by SIGKILL"):
        found.extend(in_order(2, build, range(100)))
    # Process 0 may or may not have answered for 2 when the other dies over 3.
    assert found in ([0, 1], [0, 1, 2])


def refused(number: int) -> int:
    if number == 2:
        raise DataError("two cannot be used")
    return number


def build_refusing() -> Callable[[int], int]:
    return refused


def test_an_error_is_told_in_its_turn_however_late_it_is_asked_for() -> None:
    answers = in_order(2, build_refusing, range(100))
    assert next(answers) == 0
    for _ in range(1200):  # until process 0 has ended over 2: a minute at most
        if len(multiprocessing.active_children()) <= 1:
            break
        time.sleep(0.05)
    assert next(answers) == 1
    with pytest.raises(DataError, match="two cannot be used"):
        next(answers)


def test_what_is_wrong_in_all_processes_is_told_once(
    trained: Path, many: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match="no such device"):
        next(transcribe([many], run=trained, nproc=2, device="abacus"))
    assert capfd.readouterr() == ("", "")


def tell_whether_held() -> Callable[[int], bool]:
    return lambda _: signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, set())


def test_an_interrupt_does_not_reach_a_process_at_its_beginning() -> None:
    """It would print a traceback out of its imports, for each process."""
    assert list(in_order(2, tell_whether_held, range(2))) == [True, True]
    assert not tell_whether_held()(0), "this process is to be interrupted as before"


def test_lines_are_there_as_soon_as_they_are_ready(trained: Path, fsdd: Path) -> None:
    command = [sys.executable, "-m", "asrtrain", "transcribe", str(fsdd), "--run", str(trained), "--format", "jsonl"]
    with subprocess.Popen([*command, "--nproc", "2"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(20)]
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="utf-8").split()
        assert len(children) >= 2
        process.kill()
        rest = process.stdout.read()
    heard = [json.loads(line) for line in lines]
    assert [Path(one["audio"]).name for one in heard] == sorted(path.name for path in fsdd.glob("*.wav"))[:20]
    assert len(rest.splitlines()) < 2500
    while any(Path(f"/proc/{child}").exists() for child in children):  # they notice that nobody listens
        time.sleep(0.05)
