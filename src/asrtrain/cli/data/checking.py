"""What ``data validate`` checks data against: nothing, a trained recogniser, or a configuration's untrained one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from asrtrain import run_folder
from asrtrain.app.checks import requirements_of
from asrtrain.app.fit import load_settings
from asrtrain.app.trained import load_system
from asrtrain.assembly import build_system, build_vocabulary, cache_folder
from asrtrain.data.manifest import AnyFormat, scan_manifest
from asrtrain.data.validation import Report, Requirements, validate_splits
from asrtrain.data.vocabulary import Vocabulary

_CPU = torch.device("cpu")


def check_configuration(path: Path, overrides: Sequence[str]) -> Report:
    """Check all data of a configuration. Raises UsageError and DataError."""
    config = load_settings(path, overrides, None)
    splits = config.data.load(cache_folder())
    system = build_system(config, build_vocabulary(config, splits), _CPU)
    named = {"train": splits.train, "dev": splits.dev, "test": splits.test}
    present = {name: split for name, split in named.items() if split}
    return validate_splits(present, requirements_of(system), name=str(path), progress=True, remarks=splits.remarks)


def requirements(
    manifest: Path,
    input_format: AnyFormat,
    audio_root: Path | None,
    *,
    run: Path | None,
    config: Path | None,
    overrides: Sequence[str],
) -> Requirements | None:
    """What a manifest has to satisfy: the recogniser of a run, or a configuration that it is to be trained with."""
    if run is not None:
        return requirements_of(load_system(run_folder.find(run), "best", "cpu"))
    if config is None:
        return None
    settings = load_settings(config, overrides, None)
    found, _ = scan_manifest(manifest, input_format, audio_root)
    texts = [settings.data.text.normalise(utterance.text) for utterance in found]
    vocabulary = Vocabulary.from_texts([text for text in texts if text], settings.data.unit)
    return requirements_of(build_system(settings, vocabulary, _CPU))
