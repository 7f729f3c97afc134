"""The two-stage logit against scikit-learn, which fits its stages one by one: staying, and where the others are."""

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder

from laborllm.models.contract import Floats
from laborllm.models.logit import Logit
from laborllm.models.sequence.careers import COVARIATES, index_careers
from laborllm.models.sequence.vocabulary import Vocabulary
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, Provenance
from laborllm.training.plan import Plan

TO_THE_END = Plan(epochs=150, batch_size=400, learning_rate=0.1, validate_every=12_000)
FEATURES = ("previous", "before_previous", *COVARIATES)


@pytest.fixture(scope="module")
def panel() -> Panel:
    """Four hundred careers of three records over four occupations; validation repeats training, so no end is early."""
    generator = np.random.default_rng(0)
    rows = []
    for worker in range(400):
        gender, code = ("female", "male")[worker % 2], generator.integers(4)
        for year in (2000, 2001, 2002):
            moves = generator.random() > (0.5 if worker % 2 else 0.7)
            code = generator.integers(4) if moves else code
            rows += [(f"{worker} {split}", year, str(code), gender, split) for split in ("train", "valid")]
    records = pl.DataFrame(rows, ["worker", "year", "occupation", "gender", "split"], orient="row")
    taxonomy = Taxonomy.from_entries("four", [(str(code), f"Title {code}", "") for code in range(4)])
    return Panel(records, taxonomy, "FOUR", Provenance("by hand"))


def scikit_learn(panel: Panel) -> Floats:
    """The maximum of the likelihood, (n, J). That no mover is where she was is learnt, all but."""
    index = {name: column.numpy() for name, column in index_careers(panel, Vocabulary.of(panel)).index.items()}
    features = OneHotEncoder().fit_transform(np.stack([index[name] for name in FEATURES], axis=1))
    first = index["position"] == 0
    stayed = ~first & (index["occupation"] == index["previous"])

    def fitted(rows: Floats, outcome: Floats) -> Floats:
        model = LogisticRegression(C=1e6, max_iter=5000, tol=1e-8).fit(features[rows], outcome[rows])
        return np.asarray(model.predict_proba(features))

    stay = fitted(~first, stayed)[:, 1]
    probability = fitted(~stayed, index["occupation"])
    probability[~first] *= (1 - stay)[~first, None]
    probability[np.flatnonzero(~first), index["previous"][~first]] = stay[~first]
    return probability


def test_maximum_likelihood_is_that_of_scikit_learn(panel: Panel) -> None:
    train = panel.subset("train")
    expected = scikit_learn(train)
    found = np.exp(Logit(plan=TO_THE_END).fit(panel).forecast(train).log_prob)
    np.testing.assert_allclose(found, expected, atol=0.01)
