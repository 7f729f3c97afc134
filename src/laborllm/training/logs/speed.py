"""How fast a training is, and what share of its machine it uses."""

import time

import torch
from torch import nn

from laborllm.runtime import has_fast_bfloat16

SIDE = {"cpu": 1024, "cuda": 8192}  # of the matrices whose product is timed
REPEATS = 5


def flops_per_token(module: nn.Module) -> float:
    """Floating-point operations of training on one token: two for each weight of a product forward, two backward for
    what flows on, and two more where the weight is trained; attention and the look-up of embeddings are left out
    (model FLOPs, arXiv 2204.02311, appendix B).

    Args:
        module: What is trained.

    Returns:
        The operations.
    """
    looked_up = {id(part.weight) for part in module.modules() if isinstance(part, nn.Embedding)}
    multiplied = {id(part.weight) for part in module.modules() if isinstance(part, nn.Linear)}
    weights = [p for p in module.parameters() if p.dim() > 1 and (id(p) in multiplied or id(p) not in looked_up)]
    return sum((6.0 if weight.requires_grad else 4.0) * weight.numel() for weight in weights)


def peak_flops(device: torch.device) -> float:
    """Operations a second of the best of a few products of large matrices, in the precision that training takes.

    Args:
        device: Whose.

    Returns:
        The rate, of all threads that torch uses.
    """
    dtype = torch.bfloat16 if has_fast_bfloat16(device) else torch.float32
    side = SIDE[device.type]
    left, right = (torch.ones(side, side, device=device, dtype=dtype) for _ in range(2))
    return 2 * side**3 / min(_seconds(left, right) for _ in range(REPEATS))


def _seconds(left: torch.Tensor, right: torch.Tensor) -> float:
    _synchronise(left.device)
    start = time.perf_counter()
    _ = left @ right
    _synchronise(left.device)
    return time.perf_counter() - start


def _synchronise(device: torch.device) -> None:
    """Wait for what a GPU has been asked to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
