"""What this machine does well."""

import ctypes
import os
import platform
import resource
import sys

import torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of mallopt(3)


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 products run faster than float32 ones. A CPU without the instructions is many times slower."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())


def best_device() -> torch.device:
    """This process's GPU where there is one: torchrun numbers the processes of a machine."""
    return (
        torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if torch.cuda.is_available() else torch.device("cpu")
    )


def keep_freed_memory() -> None:
    """Let this process reuse the memory of tensors it has freed instead of asking the kernel for fresh pages each time,
    which on a CPU costs about as much as the products themselves. Does nothing but on Linux with glibc."""
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(M_MMAP_THRESHOLD, 32 * 1024**2)  # the largest value glibc accepts
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def peak_memory() -> int:
    """The most memory so far in bytes, of this process or of its GPU."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes if sys.platform == "darwin" else 1024 * kilobytes
