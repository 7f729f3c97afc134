"""What a piece of work takes apart from time: operations, tokens through the decoder, memory."""

import ctypes
import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import PreTrainedModel

SELF = Path("/proc/self")
KERNELS = (
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu,
    torch.ops.aten._scaled_dot_product_flash_attention,
    torch.ops.aten._scaled_dot_product_efficient_attention,
    torch.ops.aten._scaled_dot_product_cudnn_attention,
)
"""Operators of attention. The counter of torch does not know the first,
and before 2.13 refuses keys that heads share."""


@dataclass(frozen=True)
class Count:
    """flops: floating-point operations of products, two for each multiplication and addition. tokens: rows that the
    decoder was run on, padding included. memory: most bytes beyond what the process held before. None: not known."""

    flops: int | None
    tokens: int
    memory: int | None


def counted(model: PreTrainedModel, work: Callable[[], object]) -> Count:
    """What `work` takes of `model`. Counting slows it down."""
    tokens = 0

    def note(module: torch.nn.Module, arguments: tuple[object, ...], output: object) -> None:
        nonlocal tokens
        tokens += output.last_hidden_state.shape[:2].numel()  # type: ignore[attr-defined]

    hook = model.base_model.register_forward_hook(note)
    before = _forget_peak()
    try:
        with FlopCounterMode(display=False, custom_mapping=dict.fromkeys(KERNELS, _attention_flops)) as counter:
            work()
    finally:
        hook.remove()
    peak = _peak()
    memory = None if before is None or peak is None else peak - before
    return Count(counter.get_total_flops(), tokens, memory)


def _attention_flops(query: torch.Size, key: torch.Size, value: torch.Size, *_: object, **__: object) -> int:
    """Operations of query times key and of the weights times value, masked or not: (B, H, n, d) for the query."""
    batch, heads, rows, width = query
    return 2 * batch * heads * rows * key[-2] * (width + value[-1])


def _forget_peak() -> int | None:
    """Bytes held now; what is freed goes back to the system, and the peak is measured from here."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    if platform.libc_ver()[0] != "glibc":
        return None
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    (SELF / "clear_refs").write_text("5")
    return _status("VmRSS")


def _peak() -> int | None:
    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else _status("VmHWM")


def _status(name: str) -> int | None:
    if not (SELF / "status").exists():
        return None
    (line,) = (line for line in (SELF / "status").read_text().splitlines() if line.startswith(f"{name}:"))
    return 1024 * int(line.split()[1])
