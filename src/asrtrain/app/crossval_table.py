"""Leave one speaker out with several configurations, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asrtrain import run_folder
from asrtrain.app.crossval import CrossvalReport, check_named_runs, crossval, speakers_left_out
from asrtrain.app.fit import load_settings
from asrtrain.app.trained import Checkpoint
from asrtrain.errors import UsageError


@dataclass(frozen=True)
class CrossvalTable:
    """The reports of several configurations, by the names of their files."""

    folder: Path
    reports: Mapping[str, CrossvalReport]

    def to_text(self) -> str:
        """A table: a line for each configuration, a column for each speaker, and the mean."""
        first = next(iter(self.reports.values()))
        heads = [*first.folds, "mean"]
        cells = {name: [*report.figures.values(), report.mean] for name, report in self.reports.items()}
        widths = [max(6, len(head)) for head in heads]
        stub = max(map(len, [*cells, "%ACC"]))
        lines = [[f"{'%ACC' if first.classifies else '%WER':{stub}}", *map(str.rjust, heads, widths)]]
        for name, figures in cells.items():
            row = (f"{100 * figure:{width}.2f}" for figure, width in zip(figures, widths, strict=True))
            lines.append([f"{name:{stub}}", *row])
        return "\n".join("  ".join(line) for line in lines)

    def to_json(self) -> dict[str, Any]:
        """Every configuration's folds and mean."""
        return {"configurations": {name: report.to_json() for name, report in self.reports.items()}}


def crossval_table(
    configs: Sequence[str | Path],
    *,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    output: str | Path | None = None,
    checkpoint: Checkpoint = "best",
    device: str = "auto",
) -> CrossvalTable:
    """``crossval`` with every configuration, each in its own folder below ``output``.

    Raises UsageError where two files have the same name, or test other speakers or another task than the first; else
    as ``crossval`` does.
    """
    names = [Path(config).stem for config in configs]
    if len(set(names)) < len(names):
        raise UsageError(f"crossval: two configurations have the same name ({', '.join(names)}); rename one")
    # Every mistake is worth knowing before the first hour of training.
    settings = [load_settings(Path(config), overrides, seed) for config in configs]
    columns = [(speakers_left_out(config, one), one.task) for config, one in zip(configs, settings, strict=True)]
    for name, own in zip(names, columns, strict=True):
        if own != columns[0]:
            raise UsageError(
                f"crossval: {names[0]} and {name} are not of one table, as they test other speakers or tasks; "
                "give them one by one"
            )
    for one in settings:
        check_named_runs(one)
    folder = Path(output) if output is not None else run_folder.new_folder(settings[0], "crossval")
    reports = {
        name: crossval(
            config, overrides=overrides, seed=seed, output=folder / name, checkpoint=checkpoint, device=device
        )
        for name, config in zip(names, configs, strict=True)
    }
    return CrossvalTable(folder, reports)
