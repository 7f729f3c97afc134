"""Errors that say that memory was lacking, as torch words them, and others."""

import pytest
import torch

from laborllm.training.memory import is_out_of_memory


def test_what_the_allocator_says() -> None:
    with pytest.raises(RuntimeError) as refused:
        torch.empty(2**50)
    assert is_out_of_memory(refused.value)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB."), True),
        (RuntimeError("could not create a primitive"), True),  # seen under a limit of address space
        (MemoryError(), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
    ],
)
def test_what_else_is_said(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) == expected
