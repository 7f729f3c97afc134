"""The two-stage logit against scikit-learn and torch-choice, which fit its stages one by one: staying, and where to."""

from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder
from torch_choice.data import ChoiceDataset
from torch_choice.model import ConditionalLogitModel

from laborllm.models.forecasts.forecast import Floats
from laborllm.models.sequence.inputs.careers import COVARIATES, index_careers
from laborllm.models.sequence.inputs.vocabulary import Vocabulary
from laborllm.models.sequence.specs import Logit
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, Provenance
from laborllm.training.config import TrainingConfig
from laborllm.training.minimise import minimise

TO_THE_END = TrainingConfig(epochs=150, batch_size=400, learning_rate=0.1, validate_every=12_000)
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
    taxonomy = Taxonomy.from_occupations("four", [(str(code), f"Title {code}", "") for code in range(4)])
    return Panel(records, taxonomy, "FOUR", Provenance("by hand"))


@pytest.fixture(scope="module")
def found(panel: Panel) -> Floats:
    """Probabilities of every occupation for the training records, (n, J)."""
    return np.exp(Logit(training=TO_THE_END).fit(panel).forecast(panel.subset("train")).log_prob)


@dataclass(frozen=True)
class Coded:
    """features: (n, F), a column for each value of each feature. previous, observed: (n,) columns, J for none."""

    features: NDArray[np.float64]
    previous: NDArray[np.intp]
    observed: NDArray[np.intp]

    @property
    def first(self) -> NDArray[np.bool_]:
        return np.asarray(self.previous == 4)

    @property
    def stayed(self) -> NDArray[np.bool_]:
        return np.asarray(self.observed == self.previous)

    def together(self, stay: Floats, move: Floats) -> Floats:
        """(n, J) from the probabilities of staying, (n,), and those of each destination, (n, J)."""
        probability = np.where(self.first[:, None], move, (1 - stay)[:, None] * move)
        later = np.flatnonzero(~self.first)
        probability[later, self.previous[later]] = stay[later]
        return np.asarray(probability)


@pytest.fixture(scope="module")
def coded(panel: Panel) -> Coded:
    train = panel.subset("train")
    index = {name: column.numpy() for name, column in index_careers(train, Vocabulary.of(train)).index.items()}
    features = OneHotEncoder(sparse_output=False).fit_transform(np.stack([index[name] for name in FEATURES], axis=1))
    return Coded(features, index["previous"], index["occupation"])


def test_maximum_likelihood_is_that_of_scikit_learn(found: Floats, coded: Coded) -> None:
    """To which nobody says that a mover is not where she was: it learns so, all but."""

    def fitted(rows: NDArray[np.bool_], outcome: NDArray[np.generic]) -> Floats:
        model = LogisticRegression(C=1e6, max_iter=5000, tol=1e-8).fit(coded.features[rows], outcome[rows])
        return np.asarray(model.predict_proba(coded.features))

    stay, move = fitted(~coded.first, coded.stayed)[:, 1], fitted(~coded.stayed, coded.observed)
    np.testing.assert_allclose(found, coded.together(stay, move), atol=0.01)


def test_maximum_likelihood_is_that_of_torch_choice(found: Floats, coded: Coded) -> None:
    """A conditional logit in which the occupation before is not available to a mover."""
    everything = np.ones((len(coded.first), 2), dtype=bool)
    elsewhere = np.arange(4) != coded.previous[:, None]
    stay = conditional_logit(coded.features, coded.stayed, everything, ~coded.first)[:, 1]
    move = conditional_logit(coded.features, coded.observed, elsewhere, ~coded.stayed)
    np.testing.assert_allclose(found, coded.together(stay, move), atol=0.005)


def conditional_logit(
    features: Floats, outcome: NDArray[np.generic], available: NDArray[np.bool_], rows: NDArray[np.bool_]
) -> Floats:
    """Probabilities of all n records, (n, items), from the maximum of the likelihood over some `rows`."""

    def choices(rows: NDArray[np.bool_]) -> ChoiceDataset:
        return ChoiceDataset(
            item_index=torch.tensor(outcome[rows], dtype=torch.long),
            num_items=available.shape[1],
            session_index=torch.arange(int(rows.sum())),
            item_availability=torch.tensor(available[rows]),
            session_features=torch.tensor(features[rows], dtype=torch.float),
        )

    items, wanted = available.shape[1], choices(rows)
    model = ConditionalLogitModel(
        coef_variation_dict={"session_features": "item"},
        num_param_dict={"session_features": features.shape[1]},
        num_items=items,
    )
    minimise(lambda: model.negative_log_likelihood(wanted, wanted.item_index), list(model.parameters()))
    with torch.inference_mode():
        utility: torch.Tensor = model(choices(np.ones(len(features), dtype=bool)))
    return utility.softmax(dim=1).numpy()
