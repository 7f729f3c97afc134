"""Weights cast as autocast casts them in products, those that are not trained once for many passes."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn

_CACHE: ContextVar[dict[tuple[nn.Parameter, torch.dtype], Tensor] | None] = ContextVar("casts", default=None)


@contextmanager
def cached_casts() -> Iterator[None]:
    """Cache what `cast` returns for weights that are not trained, two bytes a weight in bfloat16. They must not change
    meanwhile."""
    before = _CACHE.set({})
    try:
        yield
    finally:
        _CACHE.reset(before)


def cast(weight: Tensor) -> Tensor:
    """A weight in the dtype that autocast uses in products."""
    dtype, cache = matmul_dtype(weight), _CACHE.get()
    if weight.dtype == dtype:
        return weight
    if cache is None or weight.requires_grad or not isinstance(weight, nn.Parameter):
        return weight.to(dtype)
    if (weight, dtype) not in cache:
        with torch.inference_mode(False):  # so that training can use what validation has cast
            cache[weight, dtype] = weight.detach().to(dtype)
    return cache[weight, dtype]


def matmul_dtype(x: Tensor) -> torch.dtype:
    """The dtype of products with x."""
    device = x.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype
