"""The memory that this process keeps for tensors to come, and what is done when it does not hold a pass."""

import ctypes
import gc
import platform

import torch
from accelerate.utils.memory import should_reduce_batch_size

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of mallopt(3)
ONEDNN = "could not create a primitive"  # what the products of a CPU say when it is lacking


def keep_freed_memory() -> None:
    """Let this process reuse the memory of tensors it has freed instead of asking the kernel for fresh pages each time,
    which on a CPU costs about as much as the products themselves. Does nothing but on Linux with glibc."""
    if libc := _glibc():
        libc.mallopt(M_MMAP_THRESHOLD, 32 * 1024**2)  # the largest value glibc accepts
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def release_memory() -> None:
    """Return to the system what this process has freed and kept for itself."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if libc := _glibc():
        libc.malloc_trim(0)


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory was lacking, of this machine or of its GPU."""
    return isinstance(error, MemoryError) or should_reduce_batch_size(error) or ONEDNN in str(error)


def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL("libc.so.6") if platform.libc_ver()[0] == "glibc" else None
