"""A forecast over fewer occupations or coarser states, against sums by hand."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from laborllm.errors import InputError
from laborllm.models.forecasts.forecast import Forecast
from laborllm.models.forecasts.restrict import restrict
from laborllm.occupations import Taxonomy

JOBS = Taxonomy.from_occupations("small", [(str(code), f"Job {code}", "All") for code in range(4)])
FINE = JOBS.with_states(["unemployed", "not_in_labor_force", "in_education"])
COARSE = JOBS.with_states(["in_education", "not_working"])

weights = st.lists(st.floats(1e-3, 1), min_size=len(FINE), max_size=len(FINE))


def forecast(rows: list[list[float]], observed: list[str | None], taxonomy: Taxonomy = FINE) -> Forecast:
    probability = np.array(rows) / np.array(rows).sum(axis=1, keepdims=True)
    records = {"worker": [f"w{row}" for row in range(len(rows))], "year": 2000, "occupation": observed}
    return Forecast(
        pl.DataFrame(records, schema_overrides={"occupation": pl.String}),
        taxonomy,
        np.log(probability).astype(np.float32),
        np.full(len(rows), 0.5),
        "by hand",
        np.full(len(rows), 0.01),
    )


@given(weights, st.sampled_from([*FINE.codes, None]))
def test_finer_states_are_summed(row: list[float], observed: str | None) -> None:
    given_forecast = forecast([row], [observed])
    found = restrict(given_forecast, COARSE)
    p = np.exp(given_forecast.log_prob[0])
    np.testing.assert_allclose(np.exp(found.log_prob[0]), [*p[:4], p[6], p[4] + p[5]], rtol=1e-5)
    coarser = "not_working" if observed in ("unemployed", "not_in_labor_force") else observed
    assert found.records["occupation"].to_list() == [coarser]
    assert found.method == "by hand"
    np.testing.assert_allclose(found.raw_mass, 0.5, rtol=1e-5)


@given(st.lists(weights, min_size=1, max_size=4), st.data())
def test_what_is_left_out_is_conditioned_on(rows: list[list[float]], data: st.DataObject) -> None:
    observed = data.draw(st.lists(st.sampled_from(JOBS.codes), min_size=len(rows), max_size=len(rows)))
    given_forecast = forecast(rows, list(observed))
    found = restrict(given_forecast, JOBS)
    p = np.exp(given_forecast.log_prob[:, :4].astype(np.float64))
    mass = p.sum(axis=1)
    np.testing.assert_allclose(np.exp(found.log_prob), p / mass[:, None], rtol=1e-5)
    np.testing.assert_allclose(found.raw_mass, 0.5 * mass, rtol=1e-5)
    np.testing.assert_allclose(found.raw_log_likelihood, given_forecast.raw_log_likelihood, rtol=1e-4)
    assert found.method == "by hand, renormalised without 3 occupations"


@given(weights, weights)
def test_the_error_bound_holds_for_what_is_left(exact: list[float], other: list[float]) -> None:
    """Total variation of two conditional distributions is at most the bound."""
    one, two = (forecast([row], ["0"]) for row in (exact, other))
    distance = np.abs(np.exp(one.log_prob) - np.exp(two.log_prob)).sum(axis=1) / 2
    bounded = Forecast(two.records, FINE, two.log_prob, two.raw_mass, "pruned", distance)
    for taxonomy in (JOBS, COARSE):
        found, expected = restrict(bounded, taxonomy), restrict(one, taxonomy)
        apart = np.abs(np.exp(found.log_prob) - np.exp(expected.log_prob)).sum(axis=1) / 2
        assert found.error_bound is not None
        assert (apart <= found.error_bound + 1e-6).all()


def test_what_cannot_be_expressed_is_refused() -> None:
    coarse = forecast([[1.0] * len(COARSE)], ["not_working"], COARSE)
    with pytest.raises(InputError, match=r"over taxonomy small gives no probability to unemployed \(Unemployed\)"):
        restrict(coarse, FINE)
    with pytest.raises(InputError, match="has records of code not_working, which taxonomy small lacks"):
        restrict(coarse, JOBS)
    renamed = Taxonomy.from_occupations("small", [("0", "Another job", "All")])
    with pytest.raises(InputError, match=r"gives no probability to 0 \(Another job\)"):
        restrict(coarse, renamed)
    assert restrict(coarse, COARSE) is coarse
