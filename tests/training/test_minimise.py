"""L-BFGS and the scale of features, against closed forms and scikit-learn."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from laborllm.training.minimise import minimise
from laborllm.training.standard import Standard


def numbers(seed: int, rows: int, columns: int) -> Tensor:
    return torch.tensor(np.random.default_rng(seed).normal(size=(rows, columns)))


@pytest.mark.parametrize("penalty", [0.1, 1.0, 30.0])
def test_a_ridge_is_its_closed_form(penalty: float) -> None:
    x, y = numbers(0, 40, 4), numbers(1, 40, 1)
    found = torch.zeros(4, 1, dtype=torch.float64, requires_grad=True)
    minimise(lambda: ((x @ found - y) ** 2).sum() + penalty * (found**2).sum(), [found])
    expected = torch.linalg.solve(x.T @ x + penalty * torch.eye(4, dtype=torch.float64), x.T @ y)
    torch.testing.assert_close(found.detach(), expected, atol=1e-4, rtol=0)


def test_a_logit_is_that_of_scikit_learn() -> None:
    x = numbers(2, 200, 3)
    y = torch.tensor((np.random.default_rng(3).random(200) < 0.4).astype(float))
    slope = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    intercept = torch.zeros((), dtype=torch.float64, requires_grad=True)

    def objective() -> Tensor:
        loss = torch.nn.functional.binary_cross_entropy_with_logits(x @ slope + intercept, y, reduction="sum")
        return loss + (slope**2).sum() / 2  # the penalty of C = 1, which spares the intercept

    minimise(objective, [slope, intercept])
    theirs = LogisticRegression(C=1.0, tol=1e-10, max_iter=1000).fit(x.numpy(), y.numpy())
    np.testing.assert_allclose(slope.detach().numpy(), theirs.coef_[0], atol=1e-5)
    assert intercept.item() == pytest.approx(theirs.intercept_[0], abs=1e-5)


@given(steps=st.integers(1, 12))
def test_no_step_raises_the_objective(steps: int) -> None:
    """The valley of Rosenbrock, on which plain descent zigzags."""
    place = torch.tensor([-1.2, 1.0], dtype=torch.float64, requires_grad=True)

    def valley() -> Tensor:
        return (1 - place[0]) ** 2 + 100 * (place[1] - place[0] ** 2) ** 2

    before = valley().item()
    minimise(valley, [place], steps=steps)
    assert valley().item() <= before


def test_it_ends_in_the_valley_and_a_wide_tolerance_ends_sooner() -> None:
    found = []
    for tolerance in (1e-9, 10.0):
        place, calls = torch.tensor([-1.2, 1.0], dtype=torch.float64, requires_grad=True), [0]

        def valley(place: Tensor = place, calls: list[int] = calls) -> Tensor:
            calls[0] += 1
            return (1 - place[0]) ** 2 + 100 * (place[1] - place[0] ** 2) ** 2

        minimise(valley, [place], tolerance=tolerance)
        found.append((place.detach(), calls[0]))
    torch.testing.assert_close(found[0][0], torch.ones(2, dtype=torch.float64), atol=1e-4, rtol=0)
    assert found[1][1] < found[0][1]


def test_nothing_to_gain_changes_nothing() -> None:
    found = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    minimise(lambda: (found**2).sum(), [found])
    assert found.tolist() == [0, 0]


@given(seed=st.integers(0, 1000), rows=st.integers(2, 30), columns=st.integers(1, 4))
def test_features_are_scaled_as_by_scikit_learn(seed: int, rows: int, columns: int) -> None:
    features = 5 + 3 * numbers(seed, rows, columns).numpy()
    found = Standard.of(features).apply(features)
    np.testing.assert_allclose(found, StandardScaler().fit_transform(features), atol=1e-9)


def test_what_is_missing_is_the_mean_and_a_constant_is_zero() -> None:
    features = np.array([[1.0, 7.0, np.nan], [3.0, 7.0, np.nan], [np.nan, 7.0, np.nan]])
    scale = Standard.of(features)
    assert scale.mean.tolist() == [2, 7, 0]
    assert scale.deviation.tolist() == [1, 1, 1]
    assert scale.apply(features).tolist() == [[-1, 0, 0], [1, 0, 0], [0, 0, 0]]
    assert scale.apply(np.array([[4.0, 9.0, 2.0]])).tolist() == [[2, 2, 2]]  # as learnt, of other rows
