"""Faults planted on purpose, to see what a run does about them, and whether they are found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Self, final

import torch
from pydantic import Field, model_validator
from torch import nn

from asrtrain.config import Config
from asrtrain.encoders.layout import Layouts, given_tensor, with_tensor
from asrtrain.errors import UsageError
from asrtrain.types import Batch, Targets

Planted = Callable[[Batch], AbstractContextManager[Batch]]
"""Lets planted faults act: the batch with what is wrong in the data, while the model does what is wrong in it."""

Kind = Literal["nan", "inf", "spike", "overflow", "infeasible_utterance", "nan_feature"]
Direction = Literal["forward", "backward"]
_IN_THE_DATA = ("infeasible_utterance", "nan_feature")


class PlaceConfig(Config):
    """Where a fault is planted: a module, an utterance, a frame. What is left out means all of them."""

    module: str | None = None
    """A module by the name that PyTorch gives it, such as encoder.layers.0.forwards; not for faults in the data."""
    utterance: str | Annotated[int, Field(ge=0)] | None = None
    """An utterance by its id, or by its place in the step's first batch (from 0). Faults in the data take the first."""
    frame: Annotated[int, Field(ge=0)] | None = None
    """A frame (from 0), at the module's rate."""


class InjectionConfig(Config):
    """One fault, planted in one step.

    nan and inf put such numbers in; spike multiplies by ``factor``; overflow puts in the largest numbers there are, so
    that the next sum overflows. These act on what comes out of a module, or on the gradient that arrives there.
    infeasible_utterance makes a transcript too long for its recording, nan_feature makes features NaN.
    """

    step: Annotated[int, Field(gt=0)]
    """The step, from 1, as the log counts them."""
    kind: Kind
    """nan, inf, spike, overflow, infeasible_utterance or nan_feature."""
    where: PlaceConfig = PlaceConfig()
    """The place; a word alone is a module's name, or for faults in the data an utterance's id."""
    direction: Direction = "forward"
    """Whether numbers are spoilt on their way forward, or gradients on their way back."""
    factor: float = 1e4
    """What a spike multiplies by."""

    @model_validator(mode="before")
    @classmethod
    def _place_alone(cls, values: object) -> object:
        if isinstance(values, dict) and isinstance(values.get("where"), str):
            key = "utterance" if values.get("kind") in _IN_THE_DATA else "module"
            return {**values, "where": {key: values["where"]}}
        return values

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.kind in _IN_THE_DATA:
            if self.where.module is not None or self.direction == "backward":
                raise ValueError(
                    f"{self.kind} is a fault in the data: give where.utterance, no module and no direction"
                )
        elif self.where.module is None:
            raise ValueError(f"{self.kind} needs where.module, the name of the module that is to go wrong")
        return self

    def __str__(self) -> str:
        """``nan in encoder.layers.0.forwards, backward, utterance 3_theo_7, frame 4``."""
        place = self.where
        said = self.kind + (f" x{self.factor:g}" if self.kind == "spike" else "")
        if place.module is not None:
            said += f" in {place.module}, {self.direction}"
        said += "" if place.utterance is None else f", utterance {place.utterance}"
        return said + ("" if place.frame is None else f", frame {place.frame}")


def nothing_planted(batch: Batch) -> AbstractContextManager[Batch]:
    """The batch and the model as they are."""
    return nullcontext(batch)


@final
@dataclass(frozen=True, slots=True)
class PlantedFaults:
    """The faults of one step, with their utterances named."""

    model: nn.Module
    faults: tuple[InjectionConfig, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Each in words."""
        return tuple(map(str, self.faults))

    @contextmanager
    def __call__(self, batch: Batch) -> Iterator[Batch]:
        """The batch with what is wrong in the data, while the model does what is wrong in it."""
        for fault in self.faults:
            batch = _spoilt_data(fault, batch)
        layouts = Layouts(self.model, batch.lengths, batch.features.shape[1])
        handles = [
            self.model.get_submodule(fault.where.module).register_forward_hook(_spoiler(fault, batch, layouts))
            for fault in self.faults
            if fault.where.module is not None
        ]
        try:
            yield batch
        finally:
            for handle in handles:
                handle.remove()


@final
class Injector:
    """The faults of a run. Raises UsageError for a module that the model does not have."""

    def __init__(self, model: nn.Module, faults: Sequence[InjectionConfig]) -> None:
        self._model, self._faults = model, tuple(faults)
        names = [name for name, _ in model.named_modules() if name]
        for fault in self._faults:
            if fault.where.module is not None and fault.where.module not in names:
                near = get_close_matches(fault.where.module, names, n=1)
                hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(names)}"
                raise UsageError(f"training.inject: the model has no module {fault.where.module}{hint}")

    def due(self, step: int, window: Sequence[Batch]) -> PlantedFaults | None:
        """The faults to plant in a step; None, as nearly always, if there are none. Places become names."""
        due = tuple(fault for fault in self._faults if fault.step == step)
        return PlantedFaults(self._model, tuple(_named(fault, window[0].everyone) for fault in due)) if due else None


def _named(fault: InjectionConfig, everyone: Sequence[str]) -> InjectionConfig:
    wanted = fault.where.utterance
    if wanted is None and fault.kind in _IN_THE_DATA:
        wanted = 0
    if isinstance(wanted, int):
        wanted = everyone[min(wanted, len(everyone) - 1)]
    return fault.model_copy(update={"where": fault.where.model_copy(update={"utterance": wanted})})


def _spoilt_data(fault: InjectionConfig, batch: Batch) -> Batch:
    if fault.kind not in _IN_THE_DATA or fault.where.utterance not in batch.ids:
        return batch
    row = batch.ids.index(str(fault.where.utterance))
    if fault.kind == "infeasible_utterance":
        return _infeasible(batch, row)
    features, frame = batch.features.clone(), fault.where.frame
    features[row, slice(int(batch.lengths[row])) if frame is None else frame] = torch.nan
    return replace(batch, features=features)


def _infeasible(batch: Batch, row: int) -> Batch:
    """One label, repeated until it needs more frames than there are. Classes need no frames, and stay as they are."""
    needed = int(batch.lengths[row]) + 1
    repeated = {name: one if name == "label" else _repeated(one, row, needed) for name, one in batch.targets.items()}
    return replace(batch, targets=repeated)


def _repeated(targets: Targets, row: int, times: int) -> Targets:
    values = nn.functional.pad(targets.values, (0, max(0, times - targets.values.shape[1])))
    values[row, :times] = 1
    lengths = targets.lengths.clone()
    lengths[row] = times
    return Targets(values, lengths)


def _spoiler(fault: InjectionConfig, batch: Batch, layouts: Layouts) -> Callable[..., Any]:
    """A forward hook that spoils what comes out of a module, or the gradient that arrives there."""

    def spoil(module: nn.Module, given: tuple[Any, ...], result: Any) -> Any:  # noqa: ANN401 - a hook
        tensor = given_tensor(result)
        places = None if tensor is None else _places(fault, batch, layouts, module, tensor)
        if tensor is None or places is None:
            return None
        if fault.direction == "forward":
            return with_tensor(result, _spoilt(fault, tensor, places))
        spoilt = tensor.view_as(tensor)
        spoilt.register_hook(lambda gradient: _spoilt(fault, gradient, places))  # type: ignore[no-untyped-call]
        return with_tensor(result, spoilt)

    return spoil


def _places(
    fault: InjectionConfig, batch: Batch, layouts: Layouts, module: nn.Module, tensor: torch.Tensor
) -> torch.Tensor | None:
    """Where to spoil, as a mask that broadcasts over the tensor; None for nowhere."""
    utterance, frame = fault.where.utterance, fault.where.frame
    if utterance is None and frame is None:
        return torch.ones_like(tensor, dtype=torch.bool)
    layout = layouts.of(module, tensor)
    if layout is None or (utterance is not None and utterance not in batch.ids):
        return None
    chosen = torch.zeros(len(batch.lengths), layout.frames, dtype=torch.bool, device=tensor.device)
    rows = slice(None) if utterance is None else batch.ids.index(str(utterance))
    if frame is None or layout.frames == 1:
        chosen[rows] = True
    else:
        chosen[rows, frame : frame + 1] = True
    return layout.places(chosen, tensor)


def _spoilt(fault: InjectionConfig, tensor: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    match fault.kind:
        case "nan":
            return tensor.masked_fill(places, torch.nan)
        case "inf":
            return tensor.masked_fill(places, torch.inf)
        case "overflow":
            return tensor.masked_fill(places, torch.finfo(tensor.dtype).max)
        case _:
            return torch.where(places, tensor * fault.factor, tensor)
