"""Fully sharded data parallelism (FSDP2, `torch.distributed.fsdp.fully_shard`): weights, gradients and the state of the
optimiser in shards, one for each process; a block of layers is gathered only while it is computed."""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

T = TypeVar("T")


class Shards:
    """`module`, sharded in place among all processes, until `unshard`."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self._before = [(part, type(part), _shallow(part)) for part in module.modules()]
        whole = dict(module.named_parameters())
        for block in _blocks(module):
            fully_shard(block)
        self._pass = _Pass(module)
        self._root = fully_shard(self._pass)
        for parameter in whole.values():
            parameter.data = parameter.data.new_empty(0)  # each process stores its own shard only

    def compute(self, work: Callable[[], T]) -> T:
        """The result of `work`, a computation with the module in one pass, at the same time in all processes."""
        result: T = self._pass(work)
        return result

    @torch.no_grad()
    def unshard(self) -> None:
        """Give every process the whole module, as it would be without sharding."""
        self._root.reshard()  # what is outside blocks may be whole, and of an earlier state, since the last pass
        whole = {name: gathered(parameter) for name, parameter in self.module.named_parameters()}
        for part, kind, attributes in self._before:
            part.__class__ = kind
            part.__dict__ = attributes
        for name, parameter in self.module.named_parameters():
            parameter.data = whole[name]


def gathered(tensor: Tensor) -> Tensor:
    """A tensor gathered from its shards, if it has any. All processes must call this at the same time."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def sharded(tensor: Tensor, like: Tensor) -> Tensor:
    """This process's shard of a whole `tensor`, if `like`, of the same shape, is sharded."""
    tensor = tensor.to(like.device)
    if not isinstance(like, DTensor) or tensor.shape != like.shape:
        return tensor
    return distribute_tensor(tensor, like.device_mesh, like.placements)


class _Pass(nn.Module):
    """Any computation with a module as one forward pass, around which FSDP gathers weights."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, work: Callable[[], T]) -> T:
        return work()


def _blocks(module: nn.Module) -> list[nn.Module]:
    """The stack of layers: the longest list of modules."""
    lists = [list(part) for part in module.modules() if isinstance(part, nn.ModuleList)]
    return max(lists, key=len, default=[])


def _shallow(part: nn.Module) -> dict[str, object]:
    """The attributes of a module, its own dictionaries (parameters, hooks) copied."""
    return {name: value.copy() if isinstance(value, dict) else value for name, value in vars(part).items()}
