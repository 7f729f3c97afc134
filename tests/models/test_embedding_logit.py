"""The logit against its first-order condition, and what it finds in vectors that tell the occupation."""

from pathlib import Path

import numpy as np
import pytest
import torch

from laborllm.errors import OptionError
from laborllm.models.language.multinomial import Vectors, choose_logit
from laborllm.models.language.specs import EmbeddingLogit, Likelihood
from laborllm.panel import Panel

KINDS: tuple[Likelihood, ...] = ("multinomial", "two-stage")


def drawn(records: int, *, seed: int) -> Vectors:
    """Vectors of five numbers, the first three of which say which of three occupations is likely; nobody has a past."""
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(records, 5))
    observed = (2 * vectors[:, :3] + generator.gumbel(size=(records, 3))).argmax(axis=1)
    return Vectors(vectors, np.full(records, 3), observed)


@pytest.mark.parametrize("likelihood", KINDS)
def test_the_gradient_vanishes(likelihood: Likelihood) -> None:
    """At the optimum, X'(Y - P) / n is the penalty times the weights, and frequencies are met."""
    train = drawn(500, seed=0)
    chosen = choose_logit(likelihood, 3, train, drawn(500, seed=1))
    logit = chosen.logit
    x = torch.tensor((train.vectors - logit.mean.numpy()) / logit.deviation.numpy(), dtype=torch.float64)
    missed = torch.eye(3, dtype=torch.float64)[train.observed] - logit.log_prob(train).double().exp()
    torch.testing.assert_close(x.T @ missed / len(x), chosen.penalty * logit.weight[:, :3].double(), atol=2e-3, rtol=0)
    torch.testing.assert_close(missed.mean(dim=0), torch.zeros(3, dtype=torch.float64), atol=2e-3, rtol=0)


@pytest.mark.parametrize("likelihood", KINDS)
def test_it_comes_near_the_law_it_was_drawn_from(likelihood: Likelihood) -> None:
    train, valid = drawn(2000, seed=0), drawn(2000, seed=1)
    best_log_prob = 2 * valid.vectors[:, :3] - np.logaddexp.reduce(2 * valid.vectors[:, :3], axis=1, keepdims=True)
    best = np.exp(-best_log_prob[np.arange(2000), valid.observed].mean())
    assert choose_logit(likelihood, 3, train, valid).perplexity == pytest.approx(best, rel=0.02)


def test_staying_is_learnt_from_the_occupation_before() -> None:
    """Where the vectors say nothing and all stay, two stages know what one choice cannot."""
    generator = np.random.default_rng(0)
    classes = generator.integers(3, size=400)
    records = Vectors(generator.normal(size=(400, 2)), classes, classes)
    one, two = (choose_logit(likelihood, 3, records, records).perplexity for likelihood in KINDS)
    assert two < 1.1 < one


def test_vectors_of_a_fit_are_kept_for_the_next(
    panel: Panel, base_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABORLLM_CACHE", str(tmp_path))
    for likelihood in KINDS:
        EmbeddingLogit(str(base_folder), likelihood=likelihood).fit(panel)
        assert len(list((tmp_path / "vectors").iterdir())) == 2  # of the training and the validation split
    EmbeddingLogit(str(base_folder), pooling="mean").fit(panel)
    assert len(list((tmp_path / "vectors").iterdir())) == 4


def test_unknown_kinds_are_refused() -> None:
    with pytest.raises(OptionError, match="use last or mean"):
        EmbeddingLogit(pooling="first")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="use multinomial or two-stage"):
        EmbeddingLogit(likelihood="three-stage")  # type: ignore[arg-type]
