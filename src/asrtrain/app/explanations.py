"""Explaining a step of a run before it is taken, and writing down what was found."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any, final

from asrtrain.assembly import System
from asrtrain.diagnosis import Case, Explanation, Network, explain
from asrtrain.diagnosis.saved import SavedStep
from asrtrain.diagnosis.window import worst_batch
from asrtrain.errors import DataError
from asrtrain.files.reading import LARGEST_LIST, LARGEST_SETTINGS, read_text
from asrtrain.files.sealed import seal, unseal
from asrtrain.reporting import draw_explanation, pictures_beside
from asrtrain.training.durable import make_folder, reporting_failure, write_file
from asrtrain.training.injection import nothing_planted
from asrtrain.training.watch import Trouble

FOLDER = "explain"
_TEXT_HASH = "text_sha256"


@final
class StepExplainer:
    """Explains steps of a run into its folder ``explain``: text, JSON, a picture, and the step itself to replay."""

    def __init__(self, run: Path, system: System) -> None:
        self._folder, self._system = run / FOLDER, system
        self._network = Network(system.model, system.config.training.precision)
        self.newest: Explanation | None = None

    def __call__(self, trouble: Trouble) -> str:
        """The verdict, and where the rest is. Nothing that goes wrong here ends the run, or hides what will."""
        try:
            return self.explained(trouble)
        except Exception as error:
            return f"{trouble.cause}. It could not be explained: {type(error).__name__}: {error}"

    def explained(self, trouble: Trouble) -> str:
        """The same for those who want nothing else: what goes wrong is raised."""
        device = self._system.device
        window = [batch.to(device) for batch in trouble.window]
        planted = trouble.planted or nothing_planted
        batch, generators = worst_batch(self._network, window, trouble.generators, planted)
        sound = None if trouble.sound is None else trouble.sound.to(device)
        case = Case(
            batch, trouble.step, trouble.epoch, (sound,) if sound else (), generators, trouble.median, trouble.planted
        )
        explanation = self.newest = explain(self._network, case)
        name = write_explanation(explanation, self._folder)
        self._saved(replace(trouble, sound=sound, generators=generators), case).save(name.with_suffix(".safetensors"))
        return f"{trouble.cause}. {explanation.verdict} See {name.with_suffix('.txt')}"

    def _saved(self, trouble: Trouble, case: Case) -> SavedStep:
        system = self._system
        return SavedStep(
            config=system.config.model_dump(mode="json"),
            symbols=tuple(system.vocabulary.symbols),
            weights=system.model.state_dict(),
            batch=case.batch,
            sound=trouble.sound,
            generators=trouble.generators,
            step=trouble.step,
            epoch=trouble.epoch,
            median=trouble.median,
            planted=tuple(fault.model_dump(mode="json") for fault in case.planted.faults) if case.planted else (),
        )


def write_explanation(explanation: Explanation, folder: Path) -> Path:
    """Write text, JSON and picture; returns their common name without a suffix."""
    name = folder / f"step-{explanation.step}"
    make_folder(folder)
    with reporting_failure(folder), pictures_beside(name):
        draw_explanation(explanation, name.with_suffix(".png"))
    text = (explanation.to_text() + "\n").encode()
    write_file(name.with_suffix(".txt"), text)
    write_file(name.with_suffix(".json"), seal({**explanation.to_json(), _TEXT_HASH: _hash(text)}, indent=1).encode())
    return name


def read_explanation(path: Path) -> tuple[dict[str, Any], str]:
    """The values and the text of what was written, from its JSON file. Raises DataError unless both are as they were.

    Where there is no text, none is given.
    """
    try:
        values = unseal(read_text(path, LARGEST_LIST, DataError))
    except ValueError as error:
        raise DataError(f"{path}: {error}; the file is damaged, or was changed by hand") from error
    beside = path.with_suffix(".txt")
    text = read_text(beside, LARGEST_SETTINGS, DataError) if beside.exists() else ""
    if text and values.pop(_TEXT_HASH, _hash(text.encode())) != _hash(text.encode()):
        raise DataError(f"{beside}: it does not match its hash in {path.name}; it is damaged, or was changed by hand")
    return values, text


def _hash(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
