"""Similar occupations against scikit-learn's cosines, whatever the vectors, and what cannot be asked."""

from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics.pairwise import cosine_similarity

from laborllm.errors import InputError, RunError, TaxonomyError
from laborllm.forecasting.groups.similar import similar_occupations
from laborllm.models.counts.specs import Transition
from laborllm.models.counts.transition import FittedTransition
from laborllm.panel import Panel

MANY = settings(max_examples=30, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)


@dataclass(frozen=True, eq=False)
class WithVectors(FittedTransition):
    """A fitted model whose vectors are given."""

    vectors: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))

    def occupation_vectors(self) -> NDArray[np.float64]:
        return self.vectors


@pytest.fixture(scope="module")
def counted(panel: Panel) -> FittedTransition:
    return Transition().fit(panel)


def with_vectors(counted: FittedTransition, vectors: NDArray[np.float64]) -> WithVectors:
    return WithVectors(**vars(counted), vectors=vectors)


def drawn(counted: FittedTransition, seed: int, size: int = 4) -> WithVectors:
    return with_vectors(counted, np.random.default_rng(seed).normal(1, 2, size=(len(counted.table), size)))


@MANY
@given(seed=SEEDS, at=st.integers(0, 6), top=st.integers(1, 9))
def test_the_cosines_are_those_of_scikit_learn(counted: FittedTransition, seed: int, at: int, top: int) -> None:
    model = drawn(counted, seed)
    codes = counted.record.taxonomy.codes
    cosine = cosine_similarity(model.vectors - model.vectors.mean(axis=0))[at]
    order = [column for column in np.argsort(-cosine, kind="stable") if column != at]
    found = similar_occupations(model, codes[at], top=top)
    assert found["code"].to_list() == [codes[column] for column in order[:top]]
    np.testing.assert_allclose(found["similarity"], cosine[order[:top]], atol=1e-12)


@MANY
@given(seed=SEEDS, scale=st.floats(0.01, 100), shift=st.floats(-50, 50))
def test_neither_the_scale_nor_the_origin_of_vectors_says_anything(
    counted: FittedTransition, seed: int, scale: float, shift: float
) -> None:
    one = drawn(counted, seed)
    other = with_vectors(counted, one.vectors * scale + shift)
    for code in counted.record.taxonomy.codes[:2]:
        ours, theirs = (similar_occupations(model, code, top=9)["similarity"] for model in (one, other))
        np.testing.assert_allclose(ours, theirs, atol=1e-7)


@MANY
@given(seed=SEEDS)
def test_similarity_goes_both_ways(counted: FittedTransition, seed: int) -> None:
    model, codes = drawn(counted, seed), counted.record.taxonomy.codes
    pairs = {
        (code, other): similarity
        for code in codes
        for other, similarity in similar_occupations(model, code, top=99).select("code", "similarity").iter_rows()
    }
    assert len(pairs) == len(codes) * (len(codes) - 1)
    for (code, other), similarity in pairs.items():
        assert similarity == pytest.approx(pairs[other, code], abs=1e-12)
        assert -1 - 1e-12 <= similarity <= 1 + 1e-12


def test_an_occupation_in_the_middle_of_all_is_similar_to_none(counted: FittedTransition) -> None:
    """Its vector is the mean, so less the mean it has no direction: zero, and no division by it."""
    vectors = np.eye(len(counted.table))
    vectors[0] = vectors[1:].mean(axis=0)
    found = similar_occupations(with_vectors(counted, vectors), counted.record.taxonomy.codes[0])
    np.testing.assert_allclose(found["similarity"], 0, atol=1e-9)


def test_titles_and_groups_are_those_of_the_taxonomy(counted: FittedTransition) -> None:
    taxonomy = counted.record.taxonomy
    found = similar_occupations(counted, taxonomy.codes[0], top=99)
    assert found.columns == ["code", "title", "group", "similarity"]
    for code, title, group in found.select("code", "title", "group").iter_rows():
        at = taxonomy.position[code]
        assert (title, group) == (taxonomy.titles[at], taxonomy.groups[at])
    assert taxonomy.codes[0] not in found["code"]


@pytest.mark.parametrize("turned", [False, True])
def test_distances_hold_in_either_direction_and_only_for_whom_they_are_given(
    counted: FittedTransition, turned: bool
) -> None:
    one, two, three = counted.record.taxonomy.codes[:3]
    given_pairs = pl.DataFrame({"code": [one, two], "other": [two, three], "distance": [1, 2]})
    if turned:
        given_pairs = given_pairs.rename({"code": "other", "other": "code"})
    for code, expected in {one: {two: 1.0}, two: {one: 1.0, three: 2.0}, three: {two: 2.0}}.items():
        found = similar_occupations(counted, code, top=99, distance=given_pairs)
        known = dict(found.drop_nulls("distance").select("code", "distance").iter_rows())
        assert known == expected
        assert len(found) == len(counted.table) - 1
        plain = similar_occupations(counted, code, top=99)
        assert found.drop("distance").equals(plain)


def test_distances_without_their_columns_are_refused(counted: FittedTransition) -> None:
    code = counted.record.taxonomy.codes[0]
    table = pl.DataFrame({"code": [code], "other": [code], "distance": [1.0]})
    for name in table.columns:
        with pytest.raises(InputError, match=f"no column '{name}': it needs code, other and distance"):
            similar_occupations(counted, code, distance=table.drop(name))


def test_what_has_no_vectors_or_no_such_code_is_refused(counted: FittedTransition) -> None:
    class Bare:
        """A model that forecasts, and no more."""

        spec = replace(Transition(), variant="plain")
        record = counted.record

    with pytest.raises(RunError, match="the model transition has no vectors of occupations"):
        similar_occupations(Bare(), "0")  # type: ignore[arg-type]
    with pytest.raises(TaxonomyError, match="taxonomy invented has no occupation with code '99'"):
        similar_occupations(counted, "99")
