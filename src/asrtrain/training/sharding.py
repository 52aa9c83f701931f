"""A model in shards: of every weight, its gradient and its moments, each process holds a part (FSDP2).

The parts are slices along the first dimension, as PyTorch's DTensor knows them. Blocks of the model are put together
when they are run, forwards and backwards, and let go of at once. All processes must run all of them the same number of
times.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, final

import torch
from torch import nn

from asrtrain.clipping.sharded import Shards
from asrtrain.recogniser import Recogniser
from asrtrain.training.optimizer_state import optimizer_state, restore_optimizer
from asrtrain.training.world import DIFFERENT, World
from asrtrain.types import Batch, Frames, Losses, Part, Scores, Targets

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor


def shard(model: Recogniser, optimizer: torch.optim.Optimizer, device: torch.device, world: World) -> Sharding:
    """Keep of a model and its optimiser, which has taken no step yet, this process's shards alone.

    Called by all processes. Raises TrainingError unless they begin with the same weights.
    """
    world.check_same(model.state_dict(), DIFFERENT)
    named = dict(model.named_parameters())
    state = optimizer_state(optimizer, named.items())  # some begin with one, such as Adagrad's sums
    _split(model, device, world)
    sharding = Sharding(model, world)
    shards = {named[name]: shard for name, shard in sharding.named}
    for group in optimizer.param_groups:
        group["params"] = [shards[parameter] for parameter in group["params"]]
    optimizer.state.clear()
    restore_optimizer(optimizer, sharding.named, sharding.held(state))
    return sharding


def _split(model: Recogniser, device: torch.device, world: World) -> None:
    """Wrap every block, and then what is left of the model."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method

    _let_records_be_seen()
    for module in model.modules():
        if isinstance(module, nn.RNNBase):
            # On GPUs it would gather a layer's weights into memory that FSDP does not know, and never look again.
            module.flatten_parameters = _stay_apart  # type: ignore[method-assign]
    mesh = init_device_mesh(device.type, (world.size,))
    for module in (*model.blocks(), model):
        wrapped = fully_shard(module, mesh=mesh)
        # Every process's loss is a part of the whole: gradients are summed, and gloo knows no mean.
        wrapped.set_gradient_divide_factor(1.0)
        wrapped.set_force_sum_reduction_for_comms(True)
    for method in ("encode", "decode", "recognise", "validate", "tune"):
        register_fsdp_forward_method(model, method)


@cache
def _let_records_be_seen() -> None:
    """Where the backward pass begins is found by the tensors that modules return; in a dataclass, if it is known."""
    from torch.utils._pytree import register_dataclass

    for record in (Targets, Batch, Frames, Scores, Part, Losses):
        register_dataclass(record)


def _stay_apart() -> None:
    """Instead, cuDNN puts the weights of a recurrent layer together at every call."""


def _local(parameter: DTensor) -> nn.Parameter:
    """This process's shard, in the same memory."""
    held: DTensor = parameter.detach()  # type: ignore[assignment]
    return nn.Parameter(held.to_local(), requires_grad=parameter.requires_grad)


@final
class Sharding:
    """What this process holds of a model that was split: ``named`` are its shards, as plain tensors with gradients.

    They share their memory with the model's parameters, and are what the optimiser changes: not all of its fused
    kernels know DTensors.
    """

    def __init__(self, model: nn.Module, world: World) -> None:
        self._parameters: dict[str, DTensor] = dict(model.named_parameters())  # type: ignore[arg-type]
        self._world = world
        self.named = tuple((name, _local(parameter)) for name, parameter in self._parameters.items())
        self.shards = Shards({name: parameter.numel() for name, parameter in self._parameters.items()})

    def collect(self) -> None:
        """Give the shards the gradients, summed over all processes, that backward passes have left."""
        for (_, shard), parameter in zip(self.named, self._parameters.values(), strict=True):
            gradient: DTensor | None = parameter.grad  # type: ignore[assignment]
            shard.grad = None if gradient is None else gradient.to_local()

    def forget(self) -> None:
        """Let go of the gradients."""
        for (_, shard), parameter in zip(self.named, self._parameters.values(), strict=True):
            shard.grad = parameter.grad = None

    def whole(self, tree: Any, of: DTensor | None = None) -> Any:  # noqa: ANN401 - a tree of anything
        """A tree of state with whole tensors on the host in place of shards; in processes that do not lead, without.

        Called by all processes. Tensors are put together one by one, so that no device holds two of them.
        """
        if isinstance(tree, Mapping):
            # In an order that all share: what is read from a file comes in any.
            return {key: self.whole(tree[key], self._parameters.get(key, of)) for key in sorted(tree)}
        if of is None or not isinstance(tree, torch.Tensor):
            return tree
        from torch.distributed.tensor import DTensor

        if not isinstance(tree, DTensor):  # a moment, if not a counter
            if tree.shape != of.to_local().shape:
                return tree
            tree = DTensor.from_local(
                tree, of.device_mesh, of.placements, run_check=False, shape=of.shape, stride=of.stride()
            )
        together = tree.detach().full_tensor()
        return together.cpu() if self._world.leads else None

    def held(self, tree: Any, of: DTensor | None = None) -> Any:  # noqa: ANN401 - a tree of anything
        """A tree of state with shards (DTensors) in place of what stands under a parameter's name and has its shape.

        Every process cuts its own out of what it has read; they tell each other nothing.
        """
        if isinstance(tree, Mapping):
            return {key: self.held(value, self._parameters.get(key, of)) for key, value in tree.items()}
        if of is None or not isinstance(tree, torch.Tensor) or tree.shape != of.shape:
            return tree
        from torch.distributed.tensor import distribute_tensor

        return distribute_tensor(tree.to(of.device), of.device_mesh, of.placements, src_data_rank=None)
