"""Attention by blocks against torch's own, one sequence at a time in float64."""

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from laborllm.lm.kernels import blocked_attention
from laborllm.lm.kernels.blocked_attention import causal_attention


@pytest.mark.parametrize("block", [1, 4, 128])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5), (torch.bfloat16, 2e-2)]
)
def test_equals_attention_of_torch(
    block: int, dtype: torch.dtype, tolerance: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocked_attention, "BLOCK", block)
    generator = torch.Generator().manual_seed(block)
    lengths, scale = (7, 1, 12), 0.3

    def drawn(heads: int, width: int) -> torch.Tensor:
        return torch.randn(heads, sum(lengths), width, generator=generator).to(dtype).double().requires_grad_()

    inputs = query, key, value = drawn(6, 8), drawn(2, 8), drawn(2, 5)
    weights = torch.randn(6, sum(lengths), 5, generator=generator).to(dtype).double()
    parts = zip(*(tensor.split(lengths, dim=1) for tensor in inputs), strict=True)
    expected = torch.cat(
        [
            scaled_dot_product_attention(
                q[None], k.repeat_interleave(3, 0)[None], v.repeat_interleave(3, 0)[None], is_causal=True, scale=scale
            )[0]
            for q, k, v in parts
        ],
        dim=1,
    )
    with torch.autocast("cpu", dtype=torch.bfloat16):  # which must not lower the precision
        ours = causal_attention(query.to(dtype), key.to(dtype), value.to(dtype), lengths, scale)
    assert ours.dtype == dtype
    torch.testing.assert_close(ours.double(), expected, rtol=0, atol=tolerance)
    torch.testing.assert_close(
        torch.autograd.grad((ours * weights).sum(), inputs),
        torch.autograd.grad((expected * weights).sum(), inputs),
        rtol=tolerance,
        atol=5 * tolerance,
    )
