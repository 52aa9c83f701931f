"""The checkpoints of a run: which are kept, which is continued from, and the names that point to those to use.

``checkpoints/`` holds ``last-<epoch>-<step>`` (everything, to continue from), ``epoch-<number>`` (weights of an epoch
worth keeping), ``average-<epoch>`` (weights averaged at the end), and the names ``last``, ``best`` and ``average``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, final

from asrtrain.errors import CheckpointError
from asrtrain.files.json_text import parse_json
from asrtrain.files.reading import LARGEST_LIST, read_file
from asrtrain.files.writing import clear_leavings
from asrtrain.training.averaging import Weights, mean_weights
from asrtrain.training.checkpoint import NUMBERS, load_tensors, load_training, remove, save_training, save_weights
from asrtrain.training.durable import point, reporting_failure
from asrtrain.training.manifest import MANIFEST
from asrtrain.training.meaning import check_same

_NAMES = ("last", "best", "average")


def has_checkpoint(run: Path) -> bool:
    """Whether a run folder has ever held a whole checkpoint to continue from."""
    return (run / "checkpoints" / "last").is_symlink()


@final
class CheckpointStore:
    """The folder ``checkpoints`` of a run; ``keep`` is how many checkpoints stay to fall back to."""

    def __init__(self, run: Path, keep: int) -> None:
        self.folder = run / "checkpoints"
        self._keep = keep

    def newest(
        self, say: Callable[[str], None], metadata: Mapping[str, Any], *, repairs: bool = True
    ) -> tuple[Weights, dict[str, Any]] | None:
        """The newest checkpoint that is whole, with the epochs it speaks of; None if there has never been one.

        ``metadata`` are those that further checkpoints get: what gives weights their meaning must be the same.

        ``say`` is told of those that are newer and damaged. Who ``repairs`` removes them and names the one that is
        whole: of several processes one, or they would be in each other's way. Raises CheckpointError if all are
        damaged, or if the newest has another meaning.
        """
        found = self._resumable()
        for place, folder in enumerate(found):
            try:
                weights, described, state = load_training(folder)
                for epoch in self._epochs_of(folder):
                    load_tensors(epoch)
            except CheckpointError as error:
                say(f"{error}; falling back to the checkpoint before it")
                continue
            check_same(folder, described, metadata)
            if repairs:
                for damaged in found[:place]:
                    remove(damaged)
                point(self.folder / "last", folder)  # the save may have been interrupted just before this
            return weights, state
        if (self.folder / "last").is_symlink():
            raise CheckpointError(f"no checkpoint in {self.folder} is whole: begin a new run")
        return None

    def save(
        self, epoch: int, step: int, weights: Weights, state: Mapping[str, Any], metadata: Mapping[str, Any]
    ) -> None:
        """Save everything, and let go of what the new checkpoint, proven whole, makes superfluous."""
        folder = self.folder / f"last-{epoch:05d}-{step:09d}"
        save_training(folder, weights, state, metadata)
        point(self.folder / "last", folder)
        self._prune()

    def save_epoch(self, epoch: int, weights: Weights, metadata: Mapping[str, Any]) -> None:
        """Keep the weights of an epoch (from 1), until no checkpoint that stays speaks of it."""
        save_weights(self._epoch(epoch), weights, metadata)

    def name_best(self, epoch: int | None) -> None:
        """Let ``best`` mean this epoch's weights, or nothing."""
        if epoch is None:
            with reporting_failure(self.folder / "best"):
                (self.folder / "best").unlink(missing_ok=True)
        else:
            point(self.folder / "best", self._epoch(epoch))

    def average(self, epochs: Iterable[int]) -> Weights:
        """The mean of the kept weights of these epochs. Raises CheckpointError if one is damaged or of another run."""
        loaded = {folder: load_tensors(folder) for folder in map(self._epoch, epochs)}
        _, last = next(reversed(loaded.values()))
        for folder, (_, metadata) in loaded.items():
            check_same(folder, metadata, last)
        return mean_weights([weights for weights, _ in loaded.values()])

    def save_average(self, last_epoch: int, weights: Weights, metadata: Mapping[str, Any]) -> None:
        """Save averaged weights as ``average``."""
        folder = self.folder / f"average-{last_epoch:05d}"
        save_weights(folder, weights, metadata)
        point(self.folder / "average", folder)

    def clear_leftovers(self) -> None:
        """Delete what an interrupted save has left."""
        if self.folder.is_dir():
            self._prune()

    def _epoch(self, epoch: int) -> Path:
        return self.folder / f"epoch-{epoch:05d}"

    def _resumable(self) -> list[Path]:
        """The checkpoints to continue from, newest first, proven or not."""
        return sorted(self.folder.glob("last-*"), reverse=True)

    def _prune(self) -> None:
        """Delete all but the newest checkpoints, the epochs they speak of, and what a name points to."""
        kept = [folder for folder in self._resumable() if (folder / MANIFEST).exists()][: self._keep]
        names = {*_NAMES, *(path.name for path in kept), *(path.name for one in kept for path in self._epochs_of(one))}
        with reporting_failure(self.folder):
            names |= {link.readlink().name for name in _NAMES if (link := self.folder / name).is_symlink()}
            clear_leavings(self.folder)
            for entry in sorted(self.folder.iterdir()):
                if entry.name not in names:
                    _delete(entry)

    def _epochs_of(self, folder: Path) -> list[Path]:
        """The folders of the epochs that a checkpoint speaks of; none if it is damaged."""
        with suppress(CheckpointError, ValueError, LookupError, TypeError):
            progress = parse_json(read_file(folder / NUMBERS, LARGEST_LIST, CheckpointError))["progress"]
            return [self._epoch(kept["epoch"]) for kept in [progress["best"], *progress["kept"]] if kept]
        return []


def _delete(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        remove(entry)
    else:
        entry.unlink()
