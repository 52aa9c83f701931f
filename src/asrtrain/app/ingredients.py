"""What gradient training needs, the alignment by another run included where a model is trained on one."""

from __future__ import annotations

from asrtrain import run_folder
from asrtrain.app.trained import load_recogniser
from asrtrain.assembly import Recogniser, build_ingredients
from asrtrain.assembly_hmm import build_hybrid
from asrtrain.data.data_config import Splits
from asrtrain.hmm import DNNHMMConfig
from asrtrain.training import Ingredients, World


def gather_ingredients(recogniser: Recogniser, splits: Splits, world: World | None = None) -> Ingredients:
    """Everything that the training loop turns into weights. Raises UsageError, CheckpointError."""
    settings = recogniser.config.model
    if not isinstance(settings, DNNHMMConfig):
        return build_ingredients(recogniser, splits, world)
    aligner = load_recogniser(run_folder.find(settings.align_from), "best", str(recogniser.device))
    return build_hybrid(recogniser, splits, aligner, world)
