"""The process and its machine: device, precision, memory, the size of a pass, and the log output of third parties.

`set_up_process` is the one function of laborllm that changes the whole process. The command line, or a server, calls it
once when it starts; a library call never does. A program of your own may call it for the same speed on a CPU.
"""

import ctypes
import gc
import logging
import os
import platform
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

LOGGERS = ("torchao", "torch.utils._pytree")  # transformers loads torchao, which warns of kernels for other machines
NO_PROGRESS_BARS = "HF_HUB_DISABLE_PROGRESS_BARS"  # transformers reads it when it is imported
VERBOSITY = "TRANSFORMERS_VERBOSITY"  # of its log, likewise: of a model that is refused it prints a table
SPINNING = "GOMP_SPINCOUNT"  # how long a thread of OpenMP waits awake for the others, read when torch is imported
WAITING = "OMP_WAIT_POLICY"  # whether it does so at all
BRIEFLY = "1000"  # some 20 microseconds; by default it outlasts the turn of another program that holds the core
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # of mallopt(3)
ONEDNN = "could not create a primitive"  # the message of products on a CPU that lack memory
OVERFLOW = "Storage size calculation overflowed"  # of torch, for tensors of more bytes than can be counted

# How much is computed at a time, by type of device, a matter of speed and memory only. On a CPU, what lies between two
# products stays in its cache; a GPU is kept busy by long ones.
TRAINING_TOKENS = {"cpu": 1024, "cuda": 16384}  # of careers in one pass of training, by default
FORWARD_TOKENS = {"cpu": 1024, "cuda": 8192}  # of careers in one pass without gradients, at least one career
TRIE_NODES = {"cpu": 512, "cuda": 8192}  # of the tries of titles in one pass
LOGIT_ROWS = {"cpu": 256, "cuda": 4096}  # tokens whose logits exist at a time in training, over a whole vocabulary
SOFTMAX_ROWS = {"cpu": 16, "cuda": 4096}  # of these, the rows whose softmax and gradient are computed at a time
LOGIT_COLUMNS = {"cpu": 2048, "cuda": 16384}  # of the vocabulary for which logits exist at a time in scoring


def set_up_process() -> None:
    """Settle what is global to the process: third parties log errors only, threads that wait leave the cores to others,
    and freed memory is reused. Called before torch is imported, it makes a fit on busy cores many times faster."""
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)
    os.environ.setdefault(NO_PROGRESS_BARS, "1")
    os.environ.setdefault(VERBOSITY, "error")
    if WAITING not in os.environ:
        os.environ.setdefault(SPINNING, BRIEFLY)
    if transformers := sys.modules.get("transformers"):
        transformers.utils.logging.disable_progress_bar()
        transformers.utils.logging.set_verbosity_error()
    _reuse_freed_memory()


def best_device() -> "torch.device":
    """This process's GPU where there is one: torchrun numbers the processes of a machine."""
    import torch

    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))


def has_fast_bfloat16(device: "torch.device") -> bool:
    """Whether bfloat16 products are faster than float32 ones. A CPU without the instructions is many times slower."""
    import torch

    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the random numbers of torch, and put its generators back to where they were on leaving."""
    import torch

    gpus = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(gpus):
        torch.default_generator.manual_seed(seed)  # `torch.manual_seed` would note each call for devices not in use
        if gpus:
            torch.cuda.manual_seed(seed)
        yield


def peak_memory() -> int:
    """The most memory so far in bytes, of this process or of its GPU."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes if sys.platform == "darwin" else 1024 * kilobytes


def release_memory() -> None:
    """Return freed memory to the system."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if libc := _glibc():
        libc.malloc_trim(0)


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory was lacking, of this machine or of its GPU."""
    from accelerate.utils.memory import should_reduce_batch_size

    said = str(error)
    return isinstance(error, MemoryError) or should_reduce_batch_size(error) or ONEDNN in said or OVERFLOW in said


def _reuse_freed_memory() -> None:
    """Let this process reuse the memory of freed tensors instead of asking the kernel for fresh pages each time, which
    on a CPU costs about as much as the products themselves; all threads reuse it, as each would else keep what it ever
    held. Does nothing but on Linux with glibc."""
    if libc := _glibc():
        libc.mallopt(M_MMAP_THRESHOLD, 32 * 1024**2)  # the largest value glibc accepts
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
        libc.mallopt(M_ARENA_MAX, 2)


def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL("libc.so.6") if platform.libc_ver()[0] == "glibc" else None
