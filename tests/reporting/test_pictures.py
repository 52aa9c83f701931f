"""The pictures of a run: drawn from its log alone, without a display, whatever the numbers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from asrtrain.errors import DataError
from asrtrain.reporting import draw_confusion, draw_run
from asrtrain.reporting.gradients import MAX_NAMED, draw_shares, running_share
from asrtrain.reporting.measurements import column, read_rows


def step(number: int, **changes: object) -> dict[str, object]:
    row = {"kind": "step", "step": number, "loss": 2.0 / number, "norm_before": 3.0, "norm_after": 1.0}
    return row | {"threshold": 1.0, "clipped": True, "stepped": True, "shares": [0.75, 0.25], "lr": 0.01} | changes


def epoch(number: int, metric: float | None, *, best: bool) -> dict[str, object]:
    row = {"kind": "epoch", "step": 10 * number, "dev_loss": 1.0, "dev_metric": metric, "metric": "accuracy"}
    return row | {"best": best}


def write_log(folder: Path, rows: list[dict[str, object]], parameters: tuple[str, ...] = ("a", "b")) -> None:
    rows = [{"kind": "parameters", "names": parameters}, *rows]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("L"))


def red_pixels(path: Path) -> int:
    with Image.open(path) as image:
        red, green, blue = np.moveaxis(np.asarray(image.convert("RGB")).astype(int), 2, 0)
    return int(((red > 180) & (green < 80) & (blue < 100)).sum())


def drawn_shares(folder: Path) -> Axes:
    """The panel of shares, as objects."""
    rows = read_rows(folder / "metrics.jsonl", "step")
    (named,) = read_rows(folder / "metrics.jsonl", "parameters")
    axes = Figure().subplots()
    draw_shares(axes, rows, named["names"])
    return axes


def drawn_pixels(path: Path) -> int:
    """How many pixels are not white."""
    return int((pixels(path) < 250).sum())


def test_curves_and_gradients_are_drawn(tmp_path: Path) -> None:
    write_log(tmp_path, [*map(step, range(1, 21)), epoch(1, 0.5, best=True), epoch(2, 0.4, best=False)])
    draw_run(tmp_path)
    for name in ("curves.png", "gradients.png"):
        assert drawn_pixels(tmp_path / "results" / name) > 5000


def test_a_run_that_diverged_or_stopped_at_once_is_drawn_too(tmp_path: Path) -> None:
    broken = {"loss": None, "norm_before": None, "norm_after": None, "threshold": None, "clipped": False}
    broken |= {"stepped": False, "shares": []}
    for rows in ([step(1), step(2, **broken), epoch(1, None, best=False)], [step(1, **broken)]):
        write_log(tmp_path, rows)
        draw_run(tmp_path)


def test_steps_that_were_not_taken_are_marked(tmp_path: Path) -> None:
    for name, stepped in (("all", True), ("some", False)):
        folder = tmp_path / name
        folder.mkdir()
        write_log(folder, [step(n, stepped=stepped or n % 3 > 0) for n in range(1, 30)])
        draw_run(folder)
    crimson = [red_pixels(tmp_path / name / "results" / "gradients.png") for name in ("all", "some")]
    assert crimson[0] < 20 < crimson[1]


def test_a_share_of_the_norm_is_as_high_as_it_is_large(tmp_path: Path) -> None:
    """Of many parameters those with the largest shares are drawn, from the bottom."""
    names = tuple(f"layers.{n}.linear.weight" for n in range(20))
    shares = [0.01 * (n + 0.5) / 2 for n in range(20)]
    write_log(tmp_path, [step(n, shares=shares) for n in range(1, 500)], names)
    figure = drawn_shares(tmp_path)
    heights = [np.ptp(area.get_paths()[0].vertices[:, 1]) for area in figure.collections]
    assert heights == pytest.approx([100 * share for share in sorted(shares, reverse=True)[:MAX_NAMED]])
    assert figure.get_legend_handles_labels()[1][0] == "layer 19 linear weight"


def test_a_run_without_steps_has_no_pictures(tmp_path: Path) -> None:
    write_log(tmp_path, [])
    draw_run(tmp_path)
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("line", [b"{oops", b"[1, 2]", b"5", b"null", b'"kind"', b"\xff"])
def test_a_line_that_is_no_json_object_is_named(line: bytes, tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_bytes(b'{"kind": "step"}\n' + line + b"\n")
    with pytest.raises(DataError, match=r"metrics\.jsonl:2: .*the file is damaged, or was changed by hand"):
        read_rows(tmp_path / "metrics.jsonl", "step")


def test_missing_figures_are_nan() -> None:
    assert np.isnan(column([{"a": None}, {}], "a")).all()
    assert column([{"a": True}, {"a": 2}], "a").tolist() == [1.0, 2.0]


def test_the_running_share_is_a_mean_of_what_is_known() -> None:
    clipped = np.array([1.0] * 40 + [0.0] * 40)
    share = running_share(clipped)
    assert share[0] == 1.0
    assert share[-1] == 0.0
    assert (np.diff(share) <= 0).all()


def test_a_confusion_matrix_shows_every_word(tmp_path: Path) -> None:
    few, many = tmp_path / "few.png", tmp_path / "many.png"
    draw_confusion([("yes", "yes"), ("no", "yes")], few, "title")
    draw_confusion([(str(n), str((n * 7) % 40)) for n in range(40)], many, "title")
    assert pixels(many).shape > pixels(few).shape
    assert drawn_pixels(few) > 2000
