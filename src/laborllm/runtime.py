"""What this machine does well."""

import os
import resource
import sys

import torch


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


def peak_memory() -> int:
    """The most memory so far in bytes, of this process or of its GPU."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes if sys.platform == "darwin" else 1024 * kilobytes
