"""What autocast makes of the weights in products, with those that are not trained rounded once for many passes."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn

_KEPT: ContextVar[dict[tuple[nn.Parameter, torch.dtype], Tensor] | None] = ContextVar("kept", default=None)


@contextmanager
def rounded_once() -> Iterator[None]:
    """Keep what `rounded` makes of weights that are not trained, two bytes a weight in bfloat16. They must not change
    meanwhile."""
    before = _KEPT.set({})
    try:
        yield
    finally:
        _KEPT.reset(before)


def rounded(weight: Tensor) -> Tensor:
    """A weight as autocast has it in products."""
    dtype, kept = product_dtype(weight), _KEPT.get()
    if weight.dtype == dtype:
        return weight
    if kept is None or weight.requires_grad or not isinstance(weight, nn.Parameter):
        return weight.to(dtype)
    if (weight, dtype) not in kept:
        with torch.inference_mode(False):  # so that training can use what validation has rounded
            kept[weight, dtype] = weight.detach().to(dtype)
    return kept[weight, dtype]


def product_dtype(x: Tensor) -> torch.dtype:
    """That of products with x."""
    device = x.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype
