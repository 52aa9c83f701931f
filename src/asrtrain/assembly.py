"""From a configuration to the objects of a run, in the order in which data flows. The only place where all meet."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any, final

import torch
from torch import nn

from asrtrain.batching import (
    BucketSampler,
    Dataset,
    Loader,
    OrderedSampler,
    Sampler,
    counter_seed,
    load_dataset,
)
from asrtrain.batching.bounds import batch_room
from asrtrain.batching.checking import check_recordings
from asrtrain.batching.grouped import GroupedSampler
from asrtrain.clipping import Clipper, assemble_clipper
from asrtrain.data.audio import read_audio
from asrtrain.data.data_config import Splits
from asrtrain.data.table import texts_of
from asrtrain.data.validation import find_unsayable, unsayable_in_words
from asrtrain.data.vocabulary import Vocabulary
from asrtrain.errors import UsageError
from asrtrain.evaluation import EvalReport, Origin, Outcome, align, count, recognise
from asrtrain.evaluation.alignments import LEVELS, Alignment, Interval
from asrtrain.features.interface import FrontEnd
from asrtrain.files.home import at_home
from asrtrain.heads.interface import RecogniserConfig
from asrtrain.hmm import aligning
from asrtrain.hmm.baum_welch import baum_welch
from asrtrain.hmm.segments import Segments
from asrtrain.optim import parameter_groups
from asrtrain.performance.room import check_bytes, check_room
from asrtrain.recogniser import Recogniser
from asrtrain.run_config import RunConfig
from asrtrain.search.interface import Search
from asrtrain.terminal import say
from asrtrain.training import Ingredients, Validation, World, check_together, local_rank
from asrtrain.training.injection import Injector
from asrtrain.training.reestimation import Reestimation
from asrtrain.types import Batch, Hypothesis, Seconds, Task, Utterance

TUNED_WORDS = 500
"""How many words of the development part, at least, tell which settings of a search are better."""


@final
@dataclass(frozen=True)
class System:
    """A recogniser with everything that it needs to turn recordings into text; ``origin`` is where its weights are
    from, ``longest`` the longest recording in their training, if known.
    """

    config: RunConfig
    vocabulary: Vocabulary
    front_end: FrontEnd
    model: Recogniser
    search: Search[Any]
    device: torch.device
    origin: Origin | None = None
    longest: Seconds | None = None

    @property
    def task(self) -> Task:
        """Whether single words are told apart, or speech is transcribed."""
        return self.config.task

    def recognise(self, loader: Loader) -> dict[str, Hypothesis]:
        """What is said in every utterance of a loader, by its id."""
        found = recognise(self.model, loader.epoch(0), self.search, self.device)
        return {hypothesis.id: hypothesis for hypothesis in found}


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


def build_system(config: RunConfig, vocabulary: Vocabulary, device: torch.device) -> System:
    """Build the front end, the recogniser (initialised by the seed alone) and the search. Raises UsageError."""
    front_end = config.features.build()
    _check_size(config, vocabulary, front_end.feature_size, device)
    torch.manual_seed(config.seed)
    encoder = config.encoder.build(front_end.feature_size, per_frame=config.scores_frames)
    head = config.head.build(encoder.output_size, vocabulary, config.encoder.top, stride=encoder.stride)
    model = Recogniser(encoder, {config.head.name: head}, front_end.frame_shift).to(device)
    return System(config, vocabulary, front_end, model, model.search(), device)


def _check_size(config: RunConfig, vocabulary: Vocabulary, features: int, device: torch.device) -> None:
    """Raise UsageError for a model that there is no memory for, before any is taken."""
    check_bytes(config.least_bytes(features, vocabulary), device)
    outputs = config.count_outputs(vocabulary)

    def weights() -> nn.Module:
        encoder = config.encoder.build(features, per_frame=config.scores_frames)
        if isinstance(config.model, RecogniserConfig):  # of the head, beside what ``least_bytes`` has counted
            return nn.ModuleList([encoder, nn.Linear(encoder.output_size, outputs)])
        head = config.head.build(encoder.output_size, vocabulary, config.encoder.top, stride=encoder.stride)
        return nn.ModuleList([encoder, head])

    check_room((config.model, config.objective), outputs, weights, device)


def build_dataset(system: System, utterances: Sequence[Utterance]) -> Dataset:
    """Read the recordings (once: later runs find them in the cache) and encode the texts."""
    rate, vocabulary = system.config.features.sample_rate, system.vocabulary
    return load_dataset(utterances, vocabulary.encode, vocabulary.unit, rate, cache_folder())


def ordered_loader(system: System, dataset: Dataset, world: World | None = None) -> Loader:
    """Batches in the order of length, for scoring; of several processes' batches, this one's."""
    training, world = system.config.training, world or World()
    sampler = OrderedSampler(
        dataset.seconds,
        batch_size=training.batch_size,
        batch_seconds=batch_room(dataset.seconds, training),
        part=(world.rank, world.size),
    )
    return Loader(dataset, sampler, system.front_end, None, timed=True)


def training_loader(system: System, dataset: Dataset, world: World) -> Loader:
    """Length-bucketed, shuffled, augmented batches, as many as one process would make; of each, this one's part."""
    config, training = system.config, system.config.training
    sampler = BucketSampler(
        dataset.seconds,
        batch_size=training.batch_size,
        batch_seconds=batch_room(dataset.seconds, training),
        jitter=training.length_jitter,
        seed=config.seed,
    )
    return augmented_loader(system, dataset, sampler, world)


def same_word_loader(system: System, dataset: Dataset) -> Loader:
    """Batches of recordings of one word, which have few states to score; of strings, in the order of length."""
    training = system.config.training
    groups = dataset.targets if system.task == "classification" else [()] * len(dataset)
    sampler = GroupedSampler(
        dataset.seconds,
        groups,
        batch_size=training.batch_size,
        batch_seconds=batch_room(dataset.seconds, training),
    )
    return augmented_loader(system, dataset, sampler, World())


def augmented_loader(system: System, dataset: Dataset, sampler: Sampler, world: World) -> Loader:
    """Augmented batches; features are computed once where no waveform is changed."""
    config = system.config
    rate, bands = config.features.sample_rate, system.front_end.bands
    augmentation = config.augmentation.build(rate, bands=bands, read_audio=read_audio)
    if not augmentation.changes_waveforms:
        dataset = with_cached_features(system, dataset)
    part = (world.rank, world.size)
    return Loader(dataset, sampler, system.front_end, augmentation, seed=config.seed, part=part, few_lengths=True)


def with_cached_features(system: System, dataset: Dataset) -> Dataset:
    """The dataset with its features computed once, for as long as the front end's settings stay the same."""
    return dataset.with_features(system.front_end, system.config.features.model_dump(mode="json"), cache_folder())


def build_ingredients(
    system: System,
    splits: Splits,
    world: World | None = None,
    *,
    others: Mapping[str, System] | None = None,
) -> Ingredients:
    """Everything that the training loop turns into weights, in one process or in one of several.

    ``others`` are the recognisers of ``config.named_runs``. Raises UsageError for a model that has no gradients, and
    for other recognisers that do not fit; DataError.
    """
    config, model = system.config, system.model
    if config.is_reestimated:
        raise UsageError(
            f"model {config.model.name} is trained without gradients: there are none to look at or to clip"
        )
    clipper = assemble_clipper(config.clipping, config.seed)
    world = world or World()
    _try_on(model, clipper, config, world)
    model.prepare(texts_of(splits.train))
    states = _aligned(system, splits, others or {})
    dataset = _measured_dataset(system, splits.train, tell=world.leads)
    if states is not None:
        dataset = replace(dataset, given=aligning.given_states(dataset.ids, states))
    batches = training_loader(system, dataset, world)
    # With a sharded model a process scores nothing alone: all score everything together.
    validating = World() if config.training.sharding == "full" else world
    steps = config.training.steps_per_epoch(batches.batches_per_epoch)
    return Ingredients(
        front_end=system.front_end,
        model=model,
        optimizer=config.optimizer.build(parameter_groups(model.named_parameters())),
        schedule=config.schedule.build(steps, config.training.max_epochs, config.training.max_steps),
        clipper=clipper,
        batches=batches,
        validate=development_check(system, splits.dev, validating),
        tune=_tuning(system, splits.dev) if model.is_tuned else None,
    )


def build_reestimation(system: System, splits: Splits) -> Reestimation:
    """Everything that passes of re-estimation turn into a model, in one process. Raises UsageError, DataError."""
    config, model = system.config, system.model
    model.prepare(texts_of(splits.train))
    dataset = _measured_dataset(system, splits.train, tell=True)
    batches = same_word_loader(system, dataset).epoch
    passes = config.training.max_epochs
    training = baum_welch(model.head, config.model, batches, passes=passes, seed=partial(counter_seed, config.seed))
    tune = _tuning(system, splits.dev)

    def run_pass(number: int) -> float:
        log_likelihood = training.run_pass(number)
        if number + 1 == passes:
            tune(model)
        return log_likelihood

    check = development_check(system, splits.dev)
    return Reestimation(system.front_end, model, run_pass, training.states, check)


def _measured_dataset(system: System, utterances: Sequence[Utterance], *, tell: bool) -> Dataset:
    """The training data, checked, and by which the front end is fitted where it needs that."""
    dataset = build_dataset(system, utterances)
    check_recordings(dataset, utterances, system.config.training, tell=tell)
    if system.front_end.needs_fit:
        system.front_end.fit(dataset.waveform_batches())
    return dataset


def _try_on(model: Recogniser, clipper: Clipper, config: RunConfig, world: World) -> None:
    """Raise UsageError for what the model cannot do, before the recordings are read, which takes longer."""
    check_together(model, clipper, world)
    clipper.attach(model)
    clipper.detach()
    Injector(model, config.training.inject)


def _aligned(system: System, splits: Splits, others: Mapping[str, System]) -> dict[str, torch.Tensor] | None:
    """The states of the training utterances by another run, and what else is taken over from other runs.

    None where the model is trained without. What cannot be used is refused before the minutes that aligning takes.
    """
    aligner, start = others.get("align_from"), others.get("start_from")
    if aligner is None:
        return None
    aligning.check_same_states(system.model, aligner.model)
    _check_same_frames(system.config, aligner.config)
    aligning.take_tying(system.model, aligner.model)
    if start is not None:
        _begin_with(system, start)
    states = align_states(aligner, splits.train)
    aligning.learn_from(system.model, aligner.model, states)
    return states


def _check_same_frames(own: RunConfig, other: RunConfig) -> None:
    for key in ("frame_shift", "subsample", "stack", "trim"):
        if own.value(f"features.{key}") != other.value(f"features.{key}"):
            raise UsageError(f"model.align_from: that run has another features.{key}, so that its frames lie elsewhere")


def _begin_with(system: System, start: System) -> None:
    """Take the weights of another run's network. Raises UsageError where it is another one, or has other states."""
    own, other = system.config, start.config
    if own.model.name != other.model.name:
        raise UsageError(f"model.start_from: a run of {other.model.name} is no hybrid; name a run of {own.model.name}")
    if own.encoder != other.encoder or own.features != other.features:
        raise UsageError("model.start_from: that run has another model.acoustic or other features; give both the same")
    aligning.check_same_tying(system.model, start.model)
    system.model.encoder.load_state_dict(start.model.encoder.state_dict())
    system.model.head.load_state_dict(dict(start.model.head.named_parameters()), strict=False)


def development_dataset(
    system: System, utterances: Sequence[Utterance], among: Sequence[Utterance] | None = None
) -> Dataset:
    """Utterances to be scored again and again, with their features kept; ``among`` is as in ``scoring_dataset``."""
    dataset = build_dataset(system, utterances)
    meet_speakers(system, dataset, among)
    return with_cached_features(system, dataset)


def development_check(
    system: System, utterances: Sequence[Utterance], world: World | None = None
) -> Callable[[Recogniser], Validation]:
    """A function that scores a model on the development utterances, each process of a world its share of batches."""
    world = world or World()
    dataset = development_dataset(system, utterances)
    if world.leads:
        dataset.tell("dev")
    loader = ordered_loader(system, dataset, world)

    def scored(model: Recogniser) -> Iterator[tuple[float, int, list[tuple[str, str, float]]]]:
        """Of each batch of this process: the sum of its losses, how many count, and what was recognised."""
        model.eval()
        for batch in loader.epoch(0):
            losses, hypotheses = model.validate(batch.to(system.device), system.search)
            found = [(one.id, one.text, one.confidence) for one in hypotheses]
            yield float(losses.per_utterance.sum()), int(losses.counted.sum()), found

    def validate(model: Recogniser) -> Validation:
        total, counted, found = 0.0, 0, dict[str, Hypothesis]()
        # In the order of the batches, so that sums are those of one process to the last bit.
        for turn in zip_longest(*world.from_each(list(scored(model)))):
            for loss, number, hypotheses in filter(None, turn):
                total += loss
                counted += number
                found |= {id_: Hypothesis(id_, text, confidence) for id_, text, confidence in hypotheses}
        report = EvalReport(system.task, "dev", _outcomes(utterances, dataset, found), 0.0)
        loss = total / max(1, counted)
        if system.task == "classification":
            return Validation(loss, report.accuracy, "accuracy", higher_is_better=True)
        return Validation(loss, report.words.rate, "wer", higher_is_better=False)

    return validate


def _tuning(system: System, utterances: Sequence[Utterance]) -> Callable[[Recogniser], None]:
    """A function that chooses by the development utterances what the search leaves open, in the model's buffers."""
    some = _enough_to_tune(system, utterances)
    texts = {utterance.id: utterance.text.split() for utterance in some}
    loader = ordered_loader(system, development_dataset(system, some))

    def errors(hypotheses: Sequence[Hypothesis]) -> int:
        return sum(count(align(texts[one.id], one.text.split())).errors for one in hypotheses)

    def batches() -> Iterator[Batch]:
        return (batch.to(system.device) for batch in loader.epoch(0))

    def tune(model: Recogniser) -> None:
        model.eval()
        model.tune(batches(), system.search, errors)

    return tune


def _enough_to_tune(system: System, utterances: Sequence[Utterance]) -> Sequence[Utterance]:
    """All utterances, or of strings every n-th, with ``TUNED_WORDS`` words: they are recognised a dozen times."""
    if system.task == "classification":
        return utterances
    words = sum(len(utterance.text.split()) for utterance in utterances)
    return utterances[:: max(1, words // TUNED_WORDS)]


def align_states(system: System, utterances: Sequence[Utterance]) -> dict[str, torch.Tensor]:
    """The state of every frame (T,) by the utterance's id. Raises UsageError for a recogniser without states."""
    loader = ordered_loader(system, development_dataset(system, utterances))
    return aligning.align(system.model, loader.epoch(0), system.device)


def align_in_time(
    system: System, utterances: Sequence[Utterance], name: str, among: Sequence[Utterance] | None = None
) -> dict[str, Alignment | None]:
    """States, units and words of every utterance in its recording, by its id; None for one too short for what is said.

    Says under ``name`` what is wrong with recordings; ``among`` is as in ``scoring_dataset``.

    Raises UsageError for a recogniser without states, DataError for words that it does not know.
    """
    dataset = development_dataset(system, utterances, among)
    dataset.tell(name)
    loader = ordered_loader(system, dataset)
    found = aligning.align_in_segments(system.model, loader.epoch(0), system.device)
    frame = system.front_end.frame_shift
    return {id_: None if one is None else _in_seconds(id_, *one, frame) for id_, one in found.items()}


def _in_seconds(id_: str, pieces: Segments, start: Seconds, frame: Seconds) -> Alignment:
    return Alignment(
        id_,
        {
            level: tuple(
                Interval(piece.label, start + piece.first * frame, start + (piece.last + 1) * frame)
                for piece in getattr(pieces, level)
            )
            for level in LEVELS
        },
    )


def meet_speakers(system: System, dataset: Dataset, among: Sequence[Utterance] | None = None) -> None:
    """Measure the speakers of a dataset that training did not know, where features are normalised by speaker.

    They are measured in all of the utterances ``among`` which the dataset's were chosen, if these are given.
    """
    if system.front_end.by_speaker:
        met = dataset if among is None else _recordings(system, among)
        system.front_end.meet(met.waveform_batches())


def evaluate_on(
    system: System,
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
    unsayable = find_unsayable(utterances, system.vocabulary)
    if unsayable:
        say(unsayable_in_words(unsayable, len(utterances), system.vocabulary))
    began = time.perf_counter()
    dataset = scoring_dataset(system, utterances, among)
    dataset.tell(name)
    found = (recognise_all or system.recognise)(ordered_loader(system, dataset))
    seconds = time.perf_counter() - began
    outcomes, unknown = _outcomes(utterances, dataset, found), _unknown(system, utterances)
    return EvalReport(system.task, name, outcomes, seconds, unknown, system.origin, len(unsayable))


def _unknown(system: System, utterances: Sequence[Utterance]) -> int | None:
    if system.vocabulary.unit != "word":
        return None
    known = set(system.vocabulary.symbols)
    return sum(word not in known for utterance in utterances for word in utterance.text.split())


def scoring_dataset(
    system: System, utterances: Sequence[Utterance], among: Sequence[Utterance] | None = None
) -> Dataset:
    """The recordings alone: what is said may hold symbols that the model does not know, and is compared as text.

    Where the utterances are a part, ``among`` is the whole: a part is heard as it is in the whole, also where features
    are normalised by speaker.
    """
    dataset = _recordings(system, utterances)
    meet_speakers(system, dataset, among)
    return dataset


def _recordings(system: System, utterances: Sequence[Utterance]) -> Dataset:
    rate = system.config.features.sample_rate
    return load_dataset(utterances, _no_target, system.vocabulary.unit, rate, cache_folder())


def _outcomes(utterances: Sequence[Utterance], dataset: Dataset, found: Mapping[str, Hypothesis]) -> list[Outcome]:
    pairs = zip(utterances, dataset.seconds, strict=True)
    return [
        Outcome(u.id, u.speaker, float(seconds), u.text, found[u.id].within(u.offset + float(seconds)))
        for u, seconds in pairs
    ]


def _no_target(text: str) -> list[int]:
    return [0]
