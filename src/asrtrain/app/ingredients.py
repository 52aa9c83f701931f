"""What gradient training needs, the alignment by another run included where a model is trained on one."""

from __future__ import annotations

from pathlib import Path

from asrtrain import run_folder
from asrtrain.app.trained import load_recogniser
from asrtrain.assembly import Recogniser, build_ingredients
from asrtrain.assembly_hmm import build_hybrid
from asrtrain.data.data_config import Splits
from asrtrain.errors import CheckpointError
from asrtrain.hmm import DNNHMMConfig
from asrtrain.training import Ingredients, World


def gather_ingredients(recogniser: Recogniser, splits: Splits, world: World | None = None) -> Ingredients:
    """Everything that the training loop turns into weights. Raises UsageError, CheckpointError."""
    settings = recogniser.config.model
    if not isinstance(settings, DNNHMMConfig):
        return build_ingredients(recogniser, splits, world)
    aligner, start = _best("align_from", settings.align_from, recogniser), None
    if settings.start_from is not None:
        same = settings.start_from == settings.align_from
        start = aligner if same else _best("start_from", settings.start_from, recogniser)
    return build_hybrid(recogniser, splits, aligner, start, world)


def _best(key: str, run: Path, recogniser: Recogniser) -> Recogniser:
    """The best recogniser of another run, on the same device. Raises CheckpointError where there is none."""
    if not run.exists():
        raise CheckpointError(
            f"model.{key}: there is no run {run}: train it first, asrtrain fit CONFIG --output {run}, "
            "where CONFIG is that of a gmm_hmm (or dnn_hmm) with the same states"
        )
    return load_recogniser(run_folder.find(run), "best", str(recogniser.device))
