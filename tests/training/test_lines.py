"""Lines of the log are what json and csv would write."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, fields, replace
from io import StringIO

from asrtrain.files.sealed import seal_line
from asrtrain.training.journal import epochs_in_words
from asrtrain.training.lines import Lines
from asrtrain.training.records import EpochRecord, StepRecord

PARAMETERS = ("layers.0.weight", 'a "name", with commas')
STEP = StepRecord(
    step=1234567, epoch=3, loss=1e-05, utterances=32, counted=31, infeasible=1, dropped=0,
    norm_before=0.12345678901234567, norm_after=123456000.0, coefficient=1.0, threshold=None, clipped=True,
    clipped_share=0.5, cosine=-0.25, largest=1.17549e-38, largest_at=PARAMETERS[1], update_ratio=None,
    update_clipped=False, lr=0.002, loss_scale=65536.0, stepped=True, reason="", estimates={"0.mean": 0.1, "1.x": None},
    shares={PARAMETERS[1]: 2 / 3, PARAMETERS[0]: 1 / 3},
)  # fmt: skip
STEPS = [STEP, replace(STEP, loss=None, largest_at=None, reason="loss scale", stepped=False, estimates={}, shares={})]
EPOCH = EpochRecord(2, 1, 0.5, None, 0.75, "accuracy", best=True, steps=2, clipped_steps=1, skipped_steps=1)


def shares(record: StepRecord) -> list[float]:
    return [record.shares[name] for name in PARAMETERS] if record.shares else []


def written() -> tuple[list[str], list[list[str]]]:
    lines = Lines(PARAMETERS)
    lines.begin_lines()
    lines.begin_table()
    texts = [lines.taken()]
    for record in STEPS:
        lines.add_step(record)
    lines.add_epoch(EPOCH)
    texts.append(lines.taken())
    assert lines.taken() == ("", "")
    ours, table = ("".join(parts) for parts in zip(*texts, strict=True))
    return ours.splitlines(), list(csv.reader(StringIO(table)))


def test_lines_are_those_that_json_writes():
    expected = [{"kind": "parameters", "names": PARAMETERS}]
    expected += [{"kind": "step", **asdict(record), "shares": shares(record)} for record in STEPS]
    expected.append({"kind": "epoch", **asdict(EPOCH)})
    assert [line + "\n" for line in written()[0]] == [seal_line(json.dumps(values) + "\n") for values in expected]


def test_rows_are_those_that_csv_writes():
    _, (names, *rows) = written()
    assert len(set(names)) == len(names)
    assert names[-2:] == [f"share.{name}" for name in PARAMETERS]
    assert {field.name for record in (StepRecord, EpochRecord) for field in fields(record)} - {"shares"} <= set(names)
    for row, record in zip(rows, STEPS, strict=False):
        values = asdict(record) | {
            "kind": "step",
            "estimates": json.dumps(record.estimates) if record.estimates else "",
        }
        values |= dict(zip(names[-2:], shares(record), strict=bool(shares(record))))
        told = [values.get(name) for name in names]
        assert row == ["" if value is None else str(value) for value in told]
    epoch = asdict(EPOCH) | {"kind": "epoch"}
    assert rows[-1] == ["" if epoch.get(name) is None else str(epoch[name]) for name in names]


def test_one_epoch_is_one() -> None:
    assert [epochs_in_words(count) for count in (0, 1, 2)] == ["0 epochs", "1 epoch", "2 epochs"]
