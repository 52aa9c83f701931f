"""Listening to what goes through a model: how large it is, by module, direction, utterance and frame."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, final

import torch
from torch import nn

from asrtrain.diagnosis.replay import Network, Pass, gradients_of
from asrtrain.encoders.layout import Layout, Layouts, given_tensor, with_tensor
from asrtrain.encoders.masking import frame_mask
from asrtrain.heads.interface import Head
from asrtrain.training.injection import Planted, nothing_planted
from asrtrain.types import Batch

FEATURES = "features"
"""What stands before the first module."""


@final
@dataclass(frozen=True, slots=True)
class Flow:
    """The largest magnitude in each utterance's frames, (B, T) float64: infinite for what is not finite, 0 in padding.

    lengths (B,) are the real frames; ``factor`` feature frames are one here. nan says that some were not numbers.
    """

    largest: torch.Tensor
    lengths: torch.Tensor
    factor: int
    nan: bool

    @property
    def by_utterance(self) -> torch.Tensor:
        """The largest magnitude of each utterance, (B,)."""
        return self.largest.amax(1)


@final
@dataclass(slots=True)
class Station:
    """What passed one module: going in and coming out, forward, and backward (``arriving`` from above, ``leaving``).

    Places say in which order modules were done. For recurrent cells, the tensors themselves are kept.
    """

    name: str
    module: nn.Module | None
    entering: Flow | None = None
    emerging: Flow | None = None
    arriving: Flow | None = None
    leaving: Flow | None = None
    forward_place: int = -1
    backward_place: int = -1
    tensors: dict[str, torch.Tensor] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The module's class."""
        return self.name if self.module is None else type(self.module).__name__

    @property
    def is_head(self) -> bool:
        """Whether what comes out are losses."""
        return isinstance(self.module, Head)


@final
class Taps:
    """Stations along a model, filled by one forward and one backward pass of one batch."""

    def __init__(self, model: nn.Module, batch: Batch) -> None:
        self._layouts = Layouts(model, batch.lengths, batch.features.shape[1])
        self._batch = batch
        self._count = 0
        self.stations = {FEATURES: Station(FEATURES, None)}
        for name, module in model.named_modules():
            if name:
                self.stations[name] = Station(name, module)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Taps at every module's entrance and exit, outside of whatever else is hooked to it; gone afterwards."""
        handles = []
        for station in self.stations.values():
            if station.module is not None:
                handles.append(station.module.register_forward_pre_hook(self._entrance(station), prepend=True))
                handles.append(station.module.register_forward_hook(self._exit(station)))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _entrance(self, station: Station) -> Any:  # noqa: ANN401 - a hook
        def enter(module: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...] | None:
            tensor = given_tensor(given)
            if tensor is None:
                return None
            return with_tensor(given, self.enter(station, tensor))  # type: ignore[no-any-return]

        return enter

    def _exit(self, station: Station) -> Any:  # noqa: ANN401 - a hook
        def leave(module: nn.Module, given: tuple[Any, ...], result: Any) -> Any:  # noqa: ANN401 - a hook
            tensor = given_tensor(result)
            return None if tensor is None else with_tensor(result, self.emerge(station, tensor))

        return leave

    def enter(self, station: Station, tensor: torch.Tensor) -> torch.Tensor:
        """Note what goes in, and what will leave on the way back."""

        def leave(gradient: torch.Tensor) -> None:
            station.leaving = self._flow(station.module, gradient)
            station.backward_place = self._next()

        station.entering = self._flow(station.module, tensor)
        self._keep(station, "entering", tensor)
        return _listened(tensor, leave)

    def emerge(self, station: Station, tensor: torch.Tensor) -> torch.Tensor:
        """Note what comes out, and what will arrive on the way back."""

        def arrive(gradient: torch.Tensor) -> None:
            station.arriving = self._flow(station.module, gradient)
            self._keep(station, "arriving", gradient)

        station.emerging = self._flow(station.module, tensor)
        self._keep(station, "emerging", tensor)
        station.forward_place = self._next()
        return _listened(tensor, arrive)

    def _next(self) -> int:
        self._count += 1
        return self._count

    def _keep(self, station: Station, what: str, tensor: torch.Tensor) -> None:
        if isinstance(station.module, nn.RNNBase):
            station.tensors[what] = tensor.detach()

    def _flow(self, module: nn.Module | None, tensor: torch.Tensor) -> Flow:
        tensor = tensor.detach()
        layout = self._layout(module, tensor)
        if layout is None:  # all utterances together
            everyone = torch.ones_like(self._batch.lengths)
            table, lengths, factor = tensor.reshape(1, 1, -1).expand(len(everyone), 1, -1), everyone, 1
        else:
            table, lengths, factor = layout.table(tensor), layout.lengths, layout.factor
        largest = table.abs().amax(2).double()  # NaN, where there is one
        real = frame_mask(lengths, largest.shape[1])
        largest = largest.where(real, 0.0)
        return Flow(largest.nan_to_num(nan=torch.inf, posinf=torch.inf), lengths, factor, bool(largest.isnan().any()))

    def _layout(self, module: nn.Module | None, tensor: torch.Tensor) -> Layout | None:
        return self._layouts.of(nn.Identity() if module is None else module, tensor)


def listen(network: Network, batch: Batch, planted: Planted = nothing_planted) -> tuple[list[Station], Pass]:
    """Replay a batch and note what passed: the stations that anything passed, and what the replay came to."""
    with planted(batch) as given:
        taps = Taps(network.model, given)
        entering = given.features.detach().requires_grad_()
        with taps.listening():
            losses = network.losses(replace(given, features=taps.emerge(taps.stations[FEATURES], entering)))
            gradients = gradients_of(losses, network.model, entering)
    return [s for s in taps.stations.values() if s.emerging], Pass(
        losses.per_utterance.detach(), losses.counted, gradients
    )


def _listened(tensor: torch.Tensor, hear: Any) -> torch.Tensor:  # noqa: ANN401 - a hook
    """The same tensor for one listener alone: its gradient is what comes back by this way, and by no other."""
    view = tensor.view_as(tensor)
    if view.requires_grad:
        view.register_hook(hear)  # type: ignore[no-untyped-call]
    return view
