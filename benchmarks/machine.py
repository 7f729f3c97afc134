"""What this machine could do at most: products of large matrices."""

import time

import torch

from laborllm.runtime import best_device, has_fast_bfloat16, set_up_process

SIDE = {"cpu": 2048, "cuda": 8192}
REPEATS = 8


def matmul_rate(dtype: torch.dtype) -> float:
    """Floating-point operations per second of the best of a few products of square matrices."""
    set_up_process()
    device = best_device()
    side = SIDE[device.type]
    left, right = (torch.rand(side, side, device=device, dtype=dtype) for _ in range(2))
    return 2 * side**3 / min(_seconds(left, right) for _ in range(REPEATS))


def training_precision() -> torch.dtype:
    """The precision of products in training on this machine."""
    return torch.bfloat16 if has_fast_bfloat16(best_device()) else torch.float32


def clock() -> float:
    """Seconds: of the processor where one thread does everything, so that other work on the machine does not count;
    else of the wall."""
    if on_one_thread():
        return time.process_time()
    synchronise()
    return time.perf_counter()


def on_one_thread() -> bool:
    """Whether one thread of the processor computes everything."""
    return best_device().type == "cpu" and torch.get_num_threads() == 1


def synchronise() -> None:
    """Wait for what a GPU has been asked to do."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _seconds(left: torch.Tensor, right: torch.Tensor) -> float:
    start = clock()
    _ = left @ right
    return clock() - start
