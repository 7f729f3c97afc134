"""When memory does not hold a pass: how that is known, and what is done before a smaller one."""

import ctypes
import gc
import platform

import torch
from accelerate.utils.memory import should_reduce_batch_size

ONEDNN = "could not create a primitive"  # what the products of a CPU say then


def is_of_memory(error: Exception) -> bool:
    """Whether an error says that memory was lacking, of this machine or of its GPU."""
    return isinstance(error, MemoryError) or should_reduce_batch_size(error) or ONEDNN in str(error)


def give_back_memory() -> None:
    """Return to the system what this process has freed and kept for itself."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL("libc.so.6").malloc_trim(0)
