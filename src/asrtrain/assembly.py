"""From a configuration to the objects of a run, in the order in which data flows. The only place where all meet."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import cast, final

import torch
from torch import nn

from asrtrain.batching import BucketSampler, Dataset, Loader, OrderedSampler, Sampler, load_dataset
from asrtrain.batching.bounds import batch_room
from asrtrain.batching.checking import check_recordings
from asrtrain.clipping import Clipper, assemble_clipper
from asrtrain.data.audio import read_audio
from asrtrain.data.data_config import Splits
from asrtrain.data.table import texts_of
from asrtrain.data.validation import find_unsayable, unsayable_in_words
from asrtrain.data.vocabulary import Vocabulary
from asrtrain.decoding import build_decoder
from asrtrain.decoding.interface import Decoder
from asrtrain.errors import UsageError
from asrtrain.evaluation import EvalReport, Origin, Outcome, recognise, score
from asrtrain.features.interface import FrontEnd
from asrtrain.files.home import at_home
from asrtrain.hmm import GMMHMM, DNNHMMConfig, HMMConfig, HMMModel
from asrtrain.models.interface import AcousticModel
from asrtrain.objectives.interface import Objective, ObjectiveConfig
from asrtrain.optim import parameter_groups
from asrtrain.performance.room import check_bytes, check_room
from asrtrain.run_config import RunConfig
from asrtrain.terminal import say
from asrtrain.training import Ingredients, Validation, World, check_together, local_rank
from asrtrain.training.injection import Injector
from asrtrain.types import Hypothesis, Seconds, Task, Utterance


@final
@dataclass(frozen=True)
class Recogniser:
    """A model with everything that it needs to turn recordings into text; ``origin`` is where its weights are from,
    ``longest`` the longest recording in their training, if known.
    """

    config: RunConfig
    vocabulary: Vocabulary
    front_end: FrontEnd
    model: AcousticModel
    decoder: Decoder
    device: torch.device
    origin: Origin | None = None
    longest: Seconds | None = None

    @property
    def task(self) -> Task:
        return self.config.task

    def recognise(self, loader: Loader) -> dict[str, Hypothesis]:
        """What is said in every utterance of a loader, by its id."""
        heard = recognise(self.model, loader.epoch(0), self.decoder, self.front_end.frame_shift, self.device)
        return {hypothesis.id: hypothesis for hypothesis in heard}


def choose_device(wanted: str) -> torch.device:
    """``auto`` takes a GPU where there is one. Raises UsageError for a device that is not there."""
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    if wanted.startswith("cuda") and not torch.cuda.is_available():
        raise UsageError(f"--device {wanted}: PyTorch finds no usable GPU here; use --device cpu or auto")
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise UsageError(f"--device {wanted}: there is no such device; use auto, cpu or cuda") from error
    try:
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, ImportError) as error:  # NotImplementedError is a RuntimeError
        raise UsageError(f"--device {wanted}: PyTorch cannot use it here; use auto, cpu or cuda") from error
    return _own_gpu() if device == torch.device("cuda") and local_rank() is not None else device


def _own_gpu() -> torch.device:
    """One GPU a process. Raises UsageError if there are too few."""
    place, gpus = local_rank() or 0, torch.cuda.device_count()
    if place >= gpus:
        raise UsageError(f"this machine has {gpus} GPUs, too few for a process each: start fewer, or use --device cpu")
    device = torch.device("cuda", place)
    torch.cuda.set_device(device)
    return device


def cache_folder() -> Path:
    """Where made audio and computed features are kept between runs: $ASRTRAIN_CACHE, or ~/.cache/asrtrain."""
    return at_home(Path(os.environ.get("ASRTRAIN_CACHE") or "~/.cache/asrtrain"))


def build_vocabulary(config: RunConfig, splits: Splits) -> Vocabulary:
    """The symbols of the training data, the part held out of it included. Raises DataError."""
    known = (splits.train,) if config.data.dev else (splits.train, splits.dev)
    return Vocabulary.from_texts((text for split in known for text in texts_of(split)), config.data.unit)


def build_recogniser(config: RunConfig, vocabulary: Vocabulary, device: torch.device) -> Recogniser:
    """Build the front end, the model (initialised by the seed alone) and the decoder."""
    front_end = config.features.build()
    if isinstance(config.model, HMMConfig):
        return _build_states(config, config.model, vocabulary, front_end, device)
    per_frame = config.task == "transcription"
    check_room(config.model, front_end.feature_size, len(vocabulary), device, per_frame=per_frame)
    torch.manual_seed(config.seed)
    model = config.model.build(front_end.feature_size, len(vocabulary), per_frame=per_frame).to(device)
    decoder = build_decoder(vocabulary.symbols, vocabulary.unit)
    return Recogniser(config, vocabulary, front_end, model, decoder, device)


def _build_states(
    config: RunConfig, settings: HMMConfig, vocabulary: Vocabulary, front_end: FrontEnd, device: torch.device
) -> Recogniser:
    """The same for a model whose words are made of states."""
    size = front_end.feature_size
    check_bytes(settings.least_bytes(size, vocabulary), device)
    if isinstance(settings, DNNHMMConfig):
        check_room(settings.acoustic, size, settings.count_states(vocabulary), device, per_frame=True)
    torch.manual_seed(config.seed)
    model = settings.build(size, vocabulary).to(device)
    return Recogniser(config, vocabulary, front_end, model, model.decoder(), device)


def build_objective(recogniser: Recogniser) -> Objective:
    """What the development loss is."""
    model, settings = recogniser.model, recogniser.config.objective
    if isinstance(model, HMMModel):
        return model.objective()
    assert isinstance(settings, ObjectiveConfig)
    return settings.build()


def build_dataset(recogniser: Recogniser, utterances: Sequence[Utterance]) -> Dataset:
    """Read the recordings (once: later runs find them in the cache) and encode the texts."""
    rate = recogniser.config.features.sample_rate
    return load_dataset(utterances, recogniser.vocabulary.encode, recogniser.task, rate, cache_folder())


def ordered_loader(recogniser: Recogniser, dataset: Dataset, world: World | None = None) -> Loader:
    """Batches in the order of length, for scoring; of several processes' batches, this one's."""
    training, world = recogniser.config.training, world or World()
    sampler = OrderedSampler(
        dataset.seconds,
        batch_size=training.batch_size,
        batch_seconds=batch_room(dataset.seconds, training),
        part=(world.rank, world.size),
    )
    return Loader(dataset, sampler, recogniser.front_end, None, timed=True)


def training_loader(recogniser: Recogniser, dataset: Dataset, world: World) -> Loader:
    """Length-bucketed, shuffled, augmented batches, as many as one process would make; of each, this one's part."""
    config, training = recogniser.config, recogniser.config.training
    sampler = BucketSampler(
        dataset.seconds,
        batch_size=training.batch_size,
        batch_seconds=batch_room(dataset.seconds, training),
        jitter=training.length_jitter,
        seed=config.seed,
    )
    return augmented_loader(recogniser, dataset, sampler, world)


def augmented_loader(recogniser: Recogniser, dataset: Dataset, sampler: Sampler, world: World) -> Loader:
    """Augmented batches; features are computed once where no waveform is changed."""
    config = recogniser.config
    rate, bands = config.features.sample_rate, recogniser.front_end.bands
    augmentation = config.augmentation.build(rate, bands=bands, read_audio=read_audio)
    if not augmentation.changes_waveforms:
        dataset = with_cached_features(recogniser, dataset)
    part = (world.rank, world.size)
    return Loader(dataset, sampler, recogniser.front_end, augmentation, seed=config.seed, part=part, few_lengths=True)


def with_cached_features(recogniser: Recogniser, dataset: Dataset) -> Dataset:
    """The dataset with its features computed once, for as long as the front end's settings stay the same."""
    return dataset.with_features(
        recogniser.front_end, recogniser.config.features.model_dump(mode="json"), cache_folder()
    )


def build_ingredients(recogniser: Recogniser, splits: Splits, world: World | None = None) -> Ingredients:
    """Everything that the training loop turns into weights, in one process or in one of several.

    Raises UsageError for a model that has no gradients.
    """
    config, model = recogniser.config, recogniser.model
    if isinstance(model, GMMHMM):
        raise UsageError(
            f"model {config.model.name} is trained without gradients: there are none to look at or to clip"
        )
    clipper = assemble_clipper(config.clipping, config.seed)
    world = world or World()
    _try_on(model, clipper, config, world)
    dataset = build_dataset(recogniser, splits.train)
    check_recordings(dataset, splits.train, config.training, tell=world.leads)
    if recogniser.front_end.needs_fit:
        recogniser.front_end.fit(dataset.waveform_batches())
    batches = training_loader(recogniser, dataset, world)
    # With a sharded model a process scores nothing alone: all score everything together.
    validating = World() if config.training.sharding == "full" else world
    steps = config.training.steps_per_epoch(batches.batches_per_epoch)
    return Ingredients(
        front_end=recogniser.front_end,
        model=model,
        objective=build_objective(recogniser),
        optimizer=config.optimizer.build(parameter_groups(model.named_parameters())),
        schedule=config.schedule.build(steps, config.training.max_epochs, config.training.max_steps),
        clipper=clipper,
        batches=batches,
        validate=development_check(recogniser, splits.dev, validating),
    )


def _try_on(model: nn.Module, clipper: Clipper, config: RunConfig, world: World) -> None:
    """Raise UsageError for what the model cannot do, before the recordings are read, which takes longer."""
    check_together(model, clipper, world)
    clipper.attach(model)
    clipper.detach()
    Injector(model, config.training.inject)


def development_dataset(
    recogniser: Recogniser, utterances: Sequence[Utterance], among: Sequence[Utterance] | None = None
) -> Dataset:
    """Utterances to be scored again and again, with their features kept; ``among`` is as in ``scoring_dataset``."""
    dataset = build_dataset(recogniser, utterances)
    meet_speakers(recogniser, dataset, among)
    return with_cached_features(recogniser, dataset)


def development_check(
    recogniser: Recogniser, utterances: Sequence[Utterance], world: World | None = None
) -> Callable[[nn.Module], Validation]:
    """A function that scores a model on the development utterances, each process of a world its share of batches."""
    world = world or World()
    objective = build_objective(recogniser)
    dataset = development_dataset(recogniser, utterances)
    if world.leads:
        dataset.tell("dev")
    loader = ordered_loader(recogniser, dataset, world)

    def scored(model: nn.Module) -> Iterator[tuple[float, int, list[tuple[str, str, float]]]]:
        """Of each batch of this process: the sum of its losses, how many count, and what was heard."""
        for batch, scores in score(cast(AcousticModel, model), loader.epoch(0), recogniser.device):
            losses = objective(scores, batch.to(recogniser.device))
            heard = [(one.id, one.text, one.confidence) for one in recogniser.decoder(batch.ids, scores, 0.0)]
            yield float(losses.per_utterance.sum()), int(losses.counted.sum()), heard

    def validate(model: nn.Module) -> Validation:
        total, counted, heard = 0.0, 0, dict[str, Hypothesis]()
        # In the order of the batches, so that sums are those of one process to the last bit.
        for turn in zip_longest(*world.from_each(list(scored(model)))):
            for loss, count, hypotheses in filter(None, turn):
                total += loss
                counted += count
                heard |= {id_: Hypothesis(id_, text, confidence) for id_, text, confidence in hypotheses}
        report = EvalReport(recogniser.task, "dev", _outcomes(utterances, dataset, heard), 0.0)
        loss = total / max(1, counted)
        if recogniser.task == "classification":
            return Validation(loss, report.accuracy, "accuracy", higher_is_better=True)
        return Validation(loss, report.words.rate, "wer", higher_is_better=False)

    return validate


def meet_speakers(recogniser: Recogniser, dataset: Dataset, among: Sequence[Utterance] | None = None) -> None:
    """Measure the speakers of a dataset that training did not know, where features are normalised by speaker.

    They are measured in all of the utterances ``among`` which the dataset's were chosen, if these are given.
    """
    if recogniser.front_end.by_speaker:
        met = dataset if among is None else _recordings(recogniser, among)
        recogniser.front_end.meet(met.waveform_batches())


def evaluate_on(
    recogniser: Recogniser,
    utterances: Sequence[Utterance],
    name: str,
    recognise_all: Callable[[Loader], dict[str, Hypothesis]] | None = None,
    among: Sequence[Utterance] | None = None,
) -> EvalReport:
    """Recognise utterances and compare with what is said in them; the clock runs from reading the recordings on.

    References that cannot come out right are told of first, as they make the figures worse whatever is recognised.
    ``recognise_all`` stands in for the recogniser's own function, where others do the work; ``among`` is as in
    ``scoring_dataset``.
    """
    unsayable = find_unsayable(utterances, recogniser.vocabulary)
    if unsayable:
        say(unsayable_in_words(unsayable, len(utterances), recogniser.vocabulary))
    began = time.perf_counter()
    dataset = scoring_dataset(recogniser, utterances, among)
    dataset.tell(name)
    heard = (recognise_all or recogniser.recognise)(ordered_loader(recogniser, dataset))
    seconds = time.perf_counter() - began
    outcomes, unknown = _outcomes(utterances, dataset, heard), _unknown(recogniser, utterances)
    return EvalReport(recogniser.task, name, outcomes, seconds, unknown, recogniser.origin, len(unsayable))


def _unknown(recogniser: Recogniser, utterances: Sequence[Utterance]) -> int | None:
    if recogniser.vocabulary.unit != "word":
        return None
    known = set(recogniser.vocabulary.symbols)
    return sum(word not in known for utterance in utterances for word in utterance.text.split())


def scoring_dataset(
    recogniser: Recogniser, utterances: Sequence[Utterance], among: Sequence[Utterance] | None = None
) -> Dataset:
    """The recordings alone: what is said may hold symbols that the model does not know, and is compared as text.

    Where the utterances are a part, ``among`` is the whole: a part is heard as it is in the whole, also where features
    are normalised by speaker.
    """
    dataset = _recordings(recogniser, utterances)
    meet_speakers(recogniser, dataset, among)
    return dataset


def _recordings(recogniser: Recogniser, utterances: Sequence[Utterance]) -> Dataset:
    rate = recogniser.config.features.sample_rate
    return load_dataset(utterances, _no_target, recogniser.task, rate, cache_folder())


def _outcomes(utterances: Sequence[Utterance], dataset: Dataset, heard: Mapping[str, Hypothesis]) -> list[Outcome]:
    pairs = zip(utterances, dataset.seconds, strict=True)
    return [
        Outcome(u.id, u.speaker, float(seconds), u.text, heard[u.id].within(u.offset + float(seconds)))
        for u, seconds in pairs
    ]


def _no_target(text: str) -> list[int]:
    return [0]
