"""Fully sharded data parallelism (FSDP2, `torch.distributed.fsdp.fully_shard`): weights, gradients and the state of the
optimiser in shards, one for each process; a block of layers is gathered only while it is computed."""

from collections.abc import Callable
from pathlib import Path
from typing import Self, TypeVar

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

from laborllm.training.parallel.shard_files import read_shards, write_whole

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

    @classmethod
    def read(cls, module: nn.Module, folder: Path, device: torch.device) -> Self:
        """Shard a module that has no weights yet, each process reading its own part of them only.

        Args:
            module: Its parameters are on torch's meta device.
            folder: Weights as safetensors, under the names of the parameters.
            device: Where this process's shards are to be.

        Returns:
            The sharded module.

        Raises:
            StorageError: The folder does not hold weights of these names and shapes.
        """
        shards = cls(module)
        shards._pass._apply(  # type: ignore[no-untyped-call]
            lambda t: torch.empty_like(t, device=device) if t.is_meta else t.to(device)
        )
        read_shards(folder, dict(module.named_parameters()), together=True)
        return shards

    def write(self, folder: Path) -> None:
        """Write the weights in the layout of Hugging Face; all processes call this, and none holds all of them."""
        self.reshard()
        write_whole(folder, {name: parameter.detach() for name, parameter in self.module.named_parameters()})

    def reshard(self) -> None:
        """Let go of what is outside blocks, which a pass leaves whole."""
        self._root.reshard()

    def compute(self, work: Callable[[], T]) -> T:
        """The result of `work`, a computation with the module in one pass, at the same time in all processes."""
        result: T = self._pass(work)
        return result

    @torch.no_grad()
    def unshard(self) -> None:
        """Give every process the whole module, as it would be without sharding."""
        self.reshard()  # since the last pass it may be of an earlier state
        whole = {name: _gathered(parameter) for name, parameter in self.module.named_parameters()}
        for part, kind, attributes in self._before:
            part.__class__ = kind
            part.__dict__ = attributes
        for name, parameter in self.module.named_parameters():
            parameter.data = whole[name]


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


def _gathered(tensor: Tensor) -> Tensor:
    """A tensor gathered from its shards, if it has any. All processes call this at the same time."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def is_sharded(module: nn.Module) -> bool:
    """Whether any weight of a module is in shards."""
    return any(isinstance(parameter, DTensor) for parameter in module.parameters())
