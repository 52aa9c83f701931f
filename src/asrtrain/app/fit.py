"""Training: from a configuration file to a run folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Literal

import torch

from asrtrain import run_folder
from asrtrain.app.checks import check_before_training
from asrtrain.app.explanations import StepExplainer
from asrtrain.app.identity import fingerprint_of
from asrtrain.app.meaning import metadata_of
from asrtrain.app.processes import check_together, run_processes
from asrtrain.app.threads import use_threads_deliberately
from asrtrain.app.trained import gather_ingredients
from asrtrain.app.tuning import decide_performance
from asrtrain.assembly import (
    System,
    build_dataset,
    build_reestimation,
    build_system,
    build_vocabulary,
    cache_folder,
    choose_device,
)
from asrtrain.config import load_config
from asrtrain.data.data_config import Splits
from asrtrain.errors import AsrtrainError, CheckpointError, UsageError
from asrtrain.features.augmentation import AugmentationConfig
from asrtrain.performance.setup import using
from asrtrain.reporting import draw_missing, draw_run, pictures_beside, require_pictures
from asrtrain.run_config import RunConfig
from asrtrain.terminal import remembering, say
from asrtrain.training import Outcome, World, has_checkpoint, joined_world, local_rank, train
from asrtrain.training.reestimation import reestimate

Resume = Literal["auto", "never", "must"]


def fit(
    config: str | Path,
    *,
    overrides: Sequence[str] = (),
    output: str | Path | None = None,
    resume: Resume = "auto",
    seed: int | None = None,
    device: str = "auto",
    dry_run: bool = False,
    overfit: int | None = None,
    nproc: int | None = None,
    latest_in: Sequence[Path] = (),
) -> Path:
    """Train what a configuration file describes, and return the run folder.

    ``overrides`` are ``key.path=value`` in YAML. ``resume``: ``auto`` goes on with a stopped run of the same
    configuration, ``must`` refuses to begin a new one, ``never`` refuses to go on with an old one. ``dry_run`` checks
    and builds everything, takes no step and writes no run. ``overfit`` trains and validates on so many
    utterances from all over the training data, without augmentation, to see that the model can learn at all. ``nproc``
    starts so many processes that train together, one a GPU where there are GPUs; ``torchrun`` may do so too. The name
    ``latest`` in the configuration's ``output_dir``, and in the folders ``latest_in``, comes to mean the run.

    Raises UsageError, DataError, TrainingError, CheckpointError, Interrupted.
    """
    if nproc is not None and nproc != 1:
        check_together(nproc)
    overrides = [*overrides, *_trained_first(load_settings(Path(config), overrides, seed), device, dry_run=dry_run)]
    if nproc is not None and nproc != 1:
        _check_number(nproc, load_settings(Path(config), overrides, seed))
        if not dry_run:
            own = _arguments(config, overrides, output=output, resume=resume, seed=seed, device=device, overfit=overfit)
            return Path(run_processes(nproc, own).rstrip("\n"))
    use_threads_deliberately()
    settings, target = load_settings(Path(config), overrides, seed), choose_device(device)
    with remembering() as said, joined_world() as world, _speaking_for(world):
        _check_number(world.size, settings)
        with world.leader_first():
            splits = settings.data.load(cache_folder())
            if overfit is not None:
                settings, splits = _overfitting(settings, splits, overfit)
            system = prepare(settings, splits, target) if world.leads else _unchecked(settings, splits, target)
        # A name of its own: learning a few by heart must not take up a stopped run on all data, nor the reverse.
        name = Path(config).stem if overfit is None else f"{Path(config).stem}-overfit{overfit}"
        folder = Path(world.from_leader(str(_choose_folder(settings, name, output, resume)) if world.leads else None))
        if not dry_run:
            system = decide_performance(system, splits, folder, processes=world.size)
            settings = system.config
        if dry_run:
            run_folder.check(folder, settings, fingerprint_of(settings, splits, cache_folder()))
            say(_plan(system, splits, World(0, nproc) if nproc else world))
            return folder
        return train_in(folder, system, splits, world, latest=(settings.output_dir, *latest_in), said=said)


def _trained_first(settings: RunConfig, device: str, *, dry_run: bool) -> list[str]:
    """Train the configurations that stand where other runs are named; overrides that name their runs instead.

    Each has its run beside this one, by the configuration's name: it is gone on with, or used as it is. Raises
    UsageError where the run is of another configuration, where it is missing and cannot be trained now, and where
    configurations name one another in a circle.
    """
    check_circle(settings)
    found, together = [], local_rank() is not None
    for key, path in settings.named_runs.items():
        if not path.is_file():
            continue
        run = settings.output_dir / path.stem
        if not run_folder.is_finished(run) and (dry_run or together):
            raise UsageError(f"model.{key}: train {path} first: asrtrain fit {path} --output {run}")
        if together:  # one of several processes: the other run may be one that several cannot train
            own = load_settings(path, (), None)
            own = load_settings(path, _trained_first(own, device, dry_run=dry_run), None)
            run_folder.check_config(run, own)
        else:
            say(f"model.{key}: {path} comes first, in {run}")
            fit(path, output=run, device=device, dry_run=dry_run)
        found.append(f"model.{key}={json.dumps(str(run))}")
    return found


def check_circle(settings: RunConfig, above: Sequence[Path] = ()) -> None:
    """Raise UsageError where configurations that are to be trained first name one that is to be trained before them.

    ``above`` are those that led to these settings.
    """
    for key, path in settings.named_runs.items():
        if not path.is_file():
            continue
        own = path.resolve()
        if own in above:
            raise UsageError(f"{above[-1]}: model.{key} leads back to {path}: each would have to be trained first")
        check_circle(load_settings(path, (), None), (*above, own))


def _check_number(processes: int, settings: RunConfig) -> None:
    """Raise UsageError for more processes than can train such a model: before there is a run folder."""
    if processes > 1 and settings.is_reestimated:
        raise UsageError(f"model {settings.model.name} is trained by one process: leave --nproc and torchrun out")


def prepare(config: RunConfig, splits: Splits, device: torch.device) -> System:
    """Build the untrained recogniser, and check that the data fit it."""
    system = _unchecked(config, splits, device)
    check_before_training(system, splits)
    return system


def _unchecked(config: RunConfig, splits: Splits, device: torch.device) -> System:
    return build_system(config, build_vocabulary(config, splits), device)


def train_in(
    folder: Path,
    system: System,
    splits: Splits,
    world: World | None = None,
    *,
    latest: Sequence[Path] = (),
    said: Sequence[str] = (),
) -> Path:
    """Train in a run folder, a new one or from its last checkpoint; draw the curves at the end.

    ``latest`` are folders in which the name ``latest`` is to mean it. The run's log begins with what was ``said``.
    Raises UsageError if another process trains there, or if the folder holds another run.
    """
    require_pictures()
    config, world = system.config, world or World()
    performance = config.fixed_performance
    # Before the folder is touched: recordings that cannot be read leave nothing behind.
    data = fingerprint_of(config, splits, cache_folder()) if world.leads else ""
    with using(performance.threads, performance.matmul), run_folder.claimed(folder) if world.leads else nullcontext():
        with run_folder.started(folder, config, data) if world.leads else nullcontext():
            finished = world.from_leader(run_folder.is_finished(folder))
            training = None if finished else _training(folder, system, splits, world, said)
        if world.leads:
            _point_latest(folder, latest)
        if training is None:
            if world.leads:
                say(f"{folder} is finished already: nothing is done")
                with pictures_beside(folder):
                    draw_missing(folder)
            return folder
        if world.leads:
            system.vocabulary.save(folder / run_folder.TOKENS)
        outcome = training()
        if world.leads:
            # First, as a run that is finished is not gone on with: a kill here would cost it its pictures.
            with pictures_beside(folder):
                draw_run(folder)
            run_folder.finish(folder, asdict(outcome))
    return folder


def _point_latest(folder: Path, places: Sequence[Path]) -> None:
    for place in dict.fromkeys(places):
        try:
            run_folder.point_latest_to(folder, place)
        except OSError as error:
            link = place / run_folder.LATEST
            say(f"{link} cannot be written ({error.strerror}): name this run to other commands")


def _training(folder: Path, system: System, splits: Splits, world: World, said: Sequence[str]) -> Callable[[], Outcome]:
    """Build everything; what is returned trains."""
    config = system.config
    metadata = metadata_of(system)
    if config.is_reestimated:
        parts = build_reestimation(system, splits)
        metadata |= _lengths(system, splits)
        return partial(
            reestimate, parts, config.training, folder, device=system.device, metadata=metadata, said=tuple(said)
        )
    with world.leader_first():
        ingredients = gather_ingredients(system, splits, world)
        metadata |= _lengths(system, splits)
    return partial(
        train,
        replace(ingredients, explain=StepExplainer(folder, system)),
        config.training,
        folder,
        seed=config.seed,
        device=system.device,
        metadata=metadata,
        world=world,
        said=tuple(said),
    )


def _lengths(system: System, splits: Splits) -> dict[str, float]:
    """What later commands must know of the training recordings, which were read before: seconds of the longest."""
    return {"longest": float(build_dataset(system, splits.train).seconds.max())}


def _plan(system: System, splits: Splits, world: World) -> str:
    """Build everything as the first of the world's processes would, and say what it comes to."""
    epochs = system.config.training.max_epochs
    found = (
        f"everything can be built: {len(splits.train)} training, {len(splits.dev)} development and {len(splits.test)} "
        "test utterances"
    )
    if system.config.is_reestimated:
        states = build_reestimation(system, splits).states()
        return f"{found}, {states} states, {epochs} passes"
    ingredients = gather_ingredients(system, splits, world)
    weights = sum(parameter.numel() for parameter in ingredients.model.parameters())
    steps = system.config.training.steps_per_epoch(ingredients.batches.batches_per_epoch)
    return f"{found}, {weights:,} weights, {steps} steps an epoch for at most {epochs} epochs"


def _choose_folder(config: RunConfig, name: str, output: str | Path | None, resume: Resume) -> Path:
    if output is not None:
        folder = Path(output)
    elif resume == "never":
        folder = run_folder.new_folder(config, name)
    else:
        folder = run_folder.unfinished_folder(config, name) or run_folder.new_folder(config, name)
    if resume == "must" and not has_checkpoint(folder):
        raise CheckpointError(
            f"--resume must: no stopped run of this configuration with a checkpoint in {folder.parent}; "
            "name its folder with --output, or use --resume auto"
        )
    if resume == "never" and (folder / run_folder.CONFIG).exists():
        raise UsageError(f"--resume never: {folder} already holds a run; choose another --output")
    return folder


def load_settings(path: Path, overrides: Sequence[str], seed: int | None) -> RunConfig:
    """The configuration in a file with its overrides; a ``seed`` stands above both. Raises UsageError."""
    return load_config(path, RunConfig, overrides if seed is None else [*overrides, f"seed={seed}"])


def _overfitting(config: RunConfig, splits: Splits, count: int) -> tuple[RunConfig, Splits]:
    if count < 1:
        raise UsageError(f"--overfit {count}: give the number of utterances to learn by heart, 1 or more")
    few = splits.train[:: max(1, len(splits.train) // count)][:count]
    return config.model_copy(update={"augmentation": AugmentationConfig()}), Splits(few, few, splits.test)


def _arguments(
    config: str | Path,
    overrides: Sequence[str],
    *,
    output: str | Path | None,
    resume: Resume,
    seed: int | None,
    device: str,
    overfit: int | None,
) -> list[str]:
    """The command line that does the same in one of several processes."""
    options = {"--output": output, "--seed": seed, "--overfit": overfit, "--resume": resume, "--device": device}
    given = [text for name, value in options.items() if value is not None for text in (name, str(value))]
    return ["fit", str(config), *given, *(text for override in overrides for text in ("--set", override))]


@contextmanager
def _speaking_for(world: World) -> Iterator[None]:
    """Let errors say which process they are of, if it is not the first."""
    try:
        yield
    except AsrtrainError as error:
        if world.leads:
            raise
        raise type(error)(f"process {world.rank} of {world.size}: {error}") from error
