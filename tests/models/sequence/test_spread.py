"""A model over pooled occupations as one over all: others do not move, a class is divided equally."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from laborllm.errors import RunError
from laborllm.models.sequence.model import FittedSequence
from laborllm.models.sequence.specs import Career, Logit, Nemo, SequenceSpec
from laborllm.models.sequence.spread import spread
from laborllm.panel import Panel
from laborllm.panel.history import History
from laborllm.panel.rare import RarePooled
from laborllm.training.config import TrainingConfig

SHORT = TrainingConfig(epochs=2, batch_size=8, learning_rate=1e-2)
CLASS = ("1", "3", "4")


@pytest.fixture(scope="module")
def pooled(panel: Panel) -> RarePooled:
    """The invented careers with three occupations as one."""
    whole = panel.taxonomy
    every = zip(whole.codes, whole.titles, whole.groups, strict=True)
    taxonomy = whole.from_occupations(whole.name, [each for each in every if each[0] not in CLASS[1:]])
    records = panel.records.with_columns(pl.col("occupation").replace(dict.fromkeys(CLASS, CLASS[0])))
    return RarePooled(replace(panel, records=records, taxonomy=taxonomy), whole, (CLASS,))


@pytest.fixture(
    scope="module", params=[Career(training=SHORT, width=16), Nemo(training=SHORT, width=16)], ids=["career", "nemo"]
)
def fitted(request: pytest.FixtureRequest, pooled: RarePooled) -> FittedSequence:
    spec: SequenceSpec = request.param
    return spec.fit(pooled.panel)


def test_probabilities_are_those_of_the_pooled_model(pooled: RarePooled, fitted: FittedSequence) -> None:
    """On careers in which one member stands for all, so that both models read the same histories."""
    over_classes = np.exp(fitted.forecast(pooled.panel).log_prob)
    whole = replace(pooled.panel, taxonomy=pooled.whole)
    over_all = np.exp(spread(fitted, pooled).forecast(whole).log_prob)
    members = pooled.whole.columns(CLASS)
    others = np.setdiff1d(np.arange(len(pooled.whole)), members)
    at_class = pooled.panel.taxonomy.position[CLASS[0]]
    rest = np.setdiff1d(np.arange(len(pooled.panel.taxonomy)), [at_class])
    previous = History.of(whole).previous
    outside = ~np.isin(previous, members)
    assert 40 < outside.sum() < len(whole) - 40
    assert over_all[np.ix_(outside, others)] == pytest.approx(over_classes[np.ix_(outside, rest)], rel=1e-4)
    for member in members:
        assert over_all[outside, member] == pytest.approx(over_classes[outside, at_class] / 3, rel=1e-4)
    assert over_all[~outside, previous[~outside]] == pytest.approx(over_classes[~outside, at_class], rel=1e-4)
    assert over_all.sum(axis=1) == pytest.approx(1, rel=1e-5)


def test_members_of_a_class_cannot_be_told_apart_by_any_weight(pooled: RarePooled, fitted: FittedSequence) -> None:
    state = spread(fitted, pooled).network.state_dict()
    members = [pooled.whole.position[code] for code in CLASS]
    for name in ("occupations.weight", "head.weight", "head.bias"):
        assert all((state[name][member] == state[name][members[0]]).all() for member in members)


def test_a_model_without_vectors_of_occupations_is_refused(pooled: RarePooled) -> None:
    with pytest.raises(RunError, match="logit has no vectors of occupations"):
        spread(Logit(training=SHORT).fit(pooled.panel), pooled)


def test_a_model_of_another_panel_is_refused(panel: Panel, pooled: RarePooled) -> None:
    with pytest.raises(RunError, match="not fitted on the panel"):
        spread(Nemo(training=SHORT, width=8).fit(panel), pooled)
