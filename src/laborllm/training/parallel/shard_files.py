"""Tensors as safetensors files, one for each process that holds a part of them (torch.distributed.checkpoint).

Each process writes its own part and reads the parts that it is to hold, so the number of processes may change between
the two, and no process ever holds a whole tensor of another's. A file of one process is plain safetensors, and the
weights of a base model can be read as well.
"""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader, HuggingFaceStorageWriter
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

from laborllm.errors import StorageError

PATTERN = "shard-*.safetensors"
ALONE = "shard-00001-model-00001-of-00001.safetensors"  # the name that torch gives to a file of one process
FILE_SIZE = 2**30  # bytes of tensors, their shards of all processes together: a file is in memory while it is written


def write_shards(folder: Path, tensors: Mapping[str, Tensor], *, together: bool) -> None:
    """Write this process's parts of tensors.

    Args:
        folder: An empty folder, which all processes see.
        tensors: By name; those that are no shards are the same in all processes.
        together: Whether all processes of the training call this, each with its parts; else the tensors are whole.

    Raises:
        StorageError: A file cannot be written.
    """
    if not together:
        save_file({name: tensor.contiguous() for name, tensor in _with_dimension(tensors).items()}, folder / ALONE)
        return
    writer = HuggingFaceStorageWriter(str(folder), _files_of(tensors), save_distributed=True)
    with _first_error(folder):
        save(_with_dimension(tensors), storage_writer=writer)


def read_shards(folder: Path, into: Mapping[str, Tensor], *, together: bool) -> None:
    """Read this process's parts of tensors, whoever wrote them.

    Args:
        folder: What `write_shards` wrote, or the weights of a base model.
        into: Tensors to fill, by name; those that are shards say which part is wanted.
        together: Whether all processes of the training call this.

    Raises:
        StorageError: A tensor is missing or has another shape, or a file is not safetensors.
    """
    with _first_error(folder):
        load(_with_dimension(into), storage_reader=HuggingFaceStorageReader(str(folder)), no_dist=not together)


def names_of(folder: Path) -> set[str]:
    """The names of all tensors in a folder. Raises `StorageError` for a file that is not safetensors."""
    with _first_error(folder):
        return set(HuggingFaceStorageReader(str(folder)).read_metadata().state_dict_metadata)


def write_whole(folder: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write shards as whole tensors, in the layout of Hugging Face; all processes of the training call this.

    Files of shards are joined on the disk, so no process holds more than its part.

    Args:
        folder: An empty folder, which all processes see.
        tensors: Shards by name.

    Raises:
        StorageError: A file cannot be written.
    """
    files = _files_of(tensors)
    writer = HuggingFaceStorageWriter(str(folder), files, save_distributed=True, enable_consolidation=True)
    with _first_error(folder):
        save(dict(tensors), storage_writer=writer)


def _files_of(tensors: Mapping[str, Tensor]) -> dict[str, int]:
    """The number of the file of each tensor, from one: a new one where the last has its size."""
    files, number, size = {}, 1, 0
    for name, tensor in tensors.items():
        if size >= FILE_SIZE:
            number, size = number + 1, 0
        files[name] = number
        size += tensor.numel() * tensor.element_size()
    return files


def _with_dimension(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Views with one dimension at least, as a file of shards has no place for a single number."""
    return {name: tensor if tensor.dim() else tensor.reshape(1) for name, tensor in tensors.items()}


@contextmanager
def _first_error(folder: Path) -> Iterator[None]:
    """Raise the error of the first process that has one in place of a list of all."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that a single process is single
            yield
    except CheckpointException as error:
        first, _ = error.failures[min(error.failures)]
        raise _as_storage_error(folder, first) from error
    except SafetensorError as error:
        raise _as_storage_error(folder, error) from error


def _as_storage_error(folder: Path, error: BaseException) -> StorageError:
    if isinstance(error, SafetensorError):
        return StorageError(f"{folder} holds a file that is not safetensors: {error}")
    if isinstance(error, OSError):
        return StorageError(f"cannot write {folder}: {error.strerror or error}")
    return StorageError(f"{folder} does not hold the tensors that are wanted: {error}")
