"""The fused loss against torch's own, value and gradients."""

import pytest
import torch
from torch.nn.functional import cross_entropy, linear

from laborllm.lm.kernels import loss as module
from laborllm.lm.kernels.loss import next_token_loss


@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize("rows", [1, 7, 300])
def test_equals_cross_entropy(rows: int, with_bias: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOGIT_ROWS", {"cpu": 4})
    generator = torch.Generator().manual_seed(rows)
    hidden = torch.randn(rows, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(11, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(11, generator=generator, dtype=torch.float64, requires_grad=True) if with_bias else None
    targets = torch.randint(11, (rows,), generator=generator)
    importance = torch.rand(rows, generator=generator, dtype=torch.float64)
    inputs = [tensor for tensor in (hidden, weight, bias) if tensor is not None]
    expected = cross_entropy(linear(hidden, weight, bias), targets, reduction="none") @ importance
    ours = next_token_loss(hidden, weight, bias, targets, importance)
    torch.testing.assert_close(ours, expected)
    for mine, theirs in zip(
        torch.autograd.grad(3 * ours, inputs), torch.autograd.grad(3 * expected, inputs), strict=True
    ):
        torch.testing.assert_close(mine, theirs)


def test_large_logits_stay_finite() -> None:
    hidden = torch.tensor([[200.0]], requires_grad=True)
    loss = next_token_loss(hidden, torch.tensor([[1.0], [-1.0]]), None, torch.tensor([1]), torch.ones(1))
    assert loss.item() == pytest.approx(400)
