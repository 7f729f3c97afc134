"""Backtests against direct forecasts, hand counts and a process that is known."""

import numpy as np
import polars as pl
import pytest

from laborllm.errors import OptionError, PanelError
from laborllm.forecasting.backtests.backtest import Backtest, backtest
from laborllm.forecasting.backtests.origins import SHARE, STATE, cut
from laborllm.forecasting.groups import group_shares
from laborllm.forecasting.groups.common_error import CommonError
from laborllm.forecasting.simulation.simulate import simulate
from laborllm.models.counts.specs import Transition
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, Provenance, assign_split

STAY = 0.7


@pytest.fixture(scope="module")
def chain() -> Panel:
    """Yearly careers of 600 workers, 2000 to 2009, from a Markov chain of two occupations and a state."""
    taxonomy = Taxonomy.from_occupations("chain", [("1", "Cooks", "All"), ("2", "Cashiers", "All")])
    taxonomy = taxonomy.with_states(["unemployed"])
    generator = np.random.default_rng(0)
    rows = []
    for worker in range(600):
        at = int(generator.integers(3))
        for year in range(2000, 2010):
            rows.append({"worker": f"{worker:03}", "year": year, "occupation": taxonomy.codes[at]})
            if generator.random() > STAY:
                at = (at + int(generator.integers(1, 3))) % 3
    return Panel(assign_split(pl.DataFrame(rows)), taxonomy, "CHAIN", Provenance("invented"))


@pytest.fixture(scope="module")
def result(chain: Panel) -> Backtest:
    return backtest({"counts": Transition("plain").fit(chain)}, chain, origins=[2003, 2005], horizon=4, draws=100)


@pytest.fixture(scope="module")
def found(result: Backtest) -> pl.DataFrame:
    return result.scores


def estimate(found: pl.DataFrame, model: str, metric: str, horizon: int | None) -> tuple[float, float]:
    """Estimate and standard error of one row."""
    of_horizon = pl.col("horizon").is_null() if horizon is None else pl.col("horizon") == horizon
    row = found.filter(pl.col("model") == model, pl.col("metric") == metric, of_horizon).row(0, named=True)
    return row["estimate"], row["standard_error"]


def test_one_year_ahead_is_the_forecast_of_the_next_record(chain: Panel, found: pl.DataFrame) -> None:
    model = Transition("plain").fit(chain)
    test = chain.subset("test")
    log_likelihood = model.forecast(test).log_likelihood
    next_years = test.records["year"].is_in([2004, 2006]).to_numpy()
    assert estimate(found, "counts", "log score", 1)[0] == pytest.approx(-log_likelihood[next_years].mean(), rel=1e-5)
    row = found.filter(model="counts", metric="log score", horizon=1).row(0, named=True)
    assert (row["records"], row["workers"]) == (next_years.sum(), test.workers)


def test_constant_state_is_right_as_often_as_people_are_where_they_were(chain: Panel, found: pl.DataFrame) -> None:
    wide = chain.subset("test").records.pivot("year", index="worker", values="occupation")
    where = np.concatenate([(wide[str(year)] == wide[str(year + 3)]).to_numpy() for year in (2003, 2005)])
    share, error = estimate(found, STATE, "top-1", 3)
    assert share == pytest.approx(where.mean())
    by_worker = where.reshape(2, -1).sum(axis=0) - 2 * where.mean()
    workers = len(by_worker)
    assert error == pytest.approx(np.sqrt((by_worker**2).sum() * workers / (workers - 1)) / len(where))
    assert estimate(found, STATE, "top-5", 3)[0] == 1  # of three occupations
    assert estimate(found, STATE, "log score", 3)[0] == np.inf
    assert estimate(found, STATE, "Brier score", 3)[0] == pytest.approx(2 * (1 - where.mean()))


def test_the_chain_scores_what_theory_says(found: pl.DataFrame) -> None:
    """Its two-year distribution has STAY^2 + (1 - STAY)^2 / 2 on the first occupation, by symmetry."""
    for horizon, stay in ((1, STAY), (2, STAY**2 + (1 - STAY) ** 2 / 2)):
        entropy = -stay * np.log(stay) - (1 - stay) * np.log((1 - stay) / 2)
        value, error = estimate(found, "counts", "log score", horizon)
        assert value == pytest.approx(entropy, abs=4 * error + 0.02)
    assert estimate(found, SHARE, "log score", 2)[0] == pytest.approx(np.log(3), abs=0.03)
    for metric in ("Brier score", "energy score", "variogram score", "CRPS, moves", "CRPS, records with a job"):
        ahead = 1 if metric == "Brier score" else None
        ours = estimate(found, "counts", metric, ahead)[0]
        assert ours < min(estimate(found, naive, metric, ahead)[0] for naive in (STATE, SHARE))
    for level in (0.5, 0.9):
        assert estimate(found, "counts", f"coverage {level:.0%}, moves", None)[0] >= level - 0.05


def test_careers_are_cut_at_the_origin(chain: Panel) -> None:
    records = chain.records.filter(~((pl.col("year") == 2005) & (pl.col("worker") < "300")))
    origin = cut(chain.with_records(records), "test", 2004, 2)
    assert origin.years.tolist() == [2005, 2006]
    assert origin.panel.open_records == 2 * origin.panel.workers
    assert origin.panel.observed().records["year"].max() == 2004
    unseen = (origin.observed[:, 0] == len(chain.taxonomy)).sum()
    assert unseen == origin.panel.records.filter(pl.col("worker") < "300")["worker"].n_unique()
    with pytest.raises(PanelError, match="seen both up to 2009"):
        cut(chain, "test", 2009, 2)


def test_group_intervals_cover_when_the_model_is_the_process(chain: Panel) -> None:
    """Futures drawn from the model itself fall into its 95 % intervals as often as they should; counts are whole."""
    model, size, years = Transition("plain").fit(chain), 40, range(2010, 2014)
    group = [f"{worker % 15}" for worker in range(600)]
    forecast = group_shares(simulate(model, chain, years=years, draws=1000, seed=1), group, level=0.95)
    held = []
    for seed in range(2, 22):
        future = simulate(model, chain, years=years, draws=1, seed=seed).occupation[:, 0]
        for row in forecast.iter_rows(named=True):
            members = np.array(group) == row["group"]
            assert members.sum() == size
            count = (chain.taxonomy.codes.index(row["code"]) == future[members, row["year"] - 2010]).sum()
            held.append(row["low"] <= count <= row["high"])
    assert 0.93 <= np.mean(held) <= 0.97


def test_rates_count_who_was_seen_where(chain: Panel, result: Backtest) -> None:
    born = chain.records.with_columns(birth_year=pl.when(pl.col("worker") < "300").then(1970).otherwise(1975))
    aged = chain.with_records(born)
    model = Transition("plain").fit(chain)
    rates = backtest({"counts": model}, aged, origins=[2003], horizon=1, draws=400).rates.filter(model="counts")
    assert rates["age"].unique().sort().to_list() == ["25 to 34"]
    test = aged.subset("test").records
    jobs = test.filter(pl.col("year") == 2004, pl.col("occupation") != "unemployed")
    row = rates.filter(group="All").row(0, named=True)
    assert (row["people"], row["observed"]) == (test["worker"].n_unique(), len(jobs))
    before = test.filter(pl.col("year") == 2003)["occupation"]
    working = model.table[chain.taxonomy.columns(before)][:, :2].sum(axis=1)
    assert row["expected"] == pytest.approx(working.sum(), rel=1e-4)
    width = 2 * 1.645 * np.sqrt((working * (1 - working)).sum())
    assert row["high"] - row["low"] == pytest.approx(width, rel=0.2)
    assert result.rates["age"].unique().to_list() == ["age unknown"]


def test_intervals_of_counts_cover_when_the_model_is_the_process(result: Backtest) -> None:
    """The chains are fitted on careers of the very process; a constant state is not, and never in its interval."""

    def share(model: str) -> float:
        rows = result.coverage.filter(model=model, level=0.95)
        return float(np.average(rows["held"], weights=rows["cells"]))

    assert share("counts") >= 0.8
    assert share("Markov chain") >= 0.8
    assert share(STATE) < 0.5
    assert result.coverage["level"].unique().sort().to_list() == [0.5, 0.8, 0.9, 0.95]


def test_ties_are_broken_at_random(chain: Panel) -> None:
    """Five occupations more, which nobody has: who leaves is among the five most probable of eight 4 times in 7."""
    jobs = [*zip(chain.taxonomy.codes[:2], chain.taxonomy.titles[:2], ["All"] * 2, strict=True)]
    more = [(f"9{number}", f"Trade {number}", "All") for number in range(5)]
    taxonomy = Taxonomy.from_occupations("longer", [*jobs, *more]).with_states(["unemployed"])
    longer = Panel(chain.records, taxonomy, "LONGER", Provenance("invented"))
    scores = backtest({}, longer, origins=[2003], horizon=1, draws=2).scores
    stays = estimate(scores, STATE, "top-1", 1)[0]
    assert 0.6 < stays < 0.8
    assert estimate(scores, STATE, "top-5", 1)[0] == pytest.approx(stays + (1 - stays) * 4 / 7)


def test_refits_are_drawn_from_and_a_common_error_widens(chain: Panel) -> None:
    """One year ahead the forecast is the mean of the fits; with twice the error no interval is narrower."""
    fits = [Transition("plain").fit(chain if seed is None else chain.resampled(seed=seed)) for seed in (None, 0, 1)]
    found = {
        error: backtest(
            {"counts": fits[0]},
            chain,
            origins=[2003],
            horizon=1,
            draws=50,
            refits={"counts": fits[1:]},
            common_error={"counts": CommonError(error, counts=100)} if error else None,
        )
        for error in (0.0, 0.1, 0.2)
    }
    test = chain.subset("test")
    likelihood = np.mean([np.exp(fit.log_likelihood(test)) for fit in fits], axis=0)
    next_year = (test.records["year"] == 2004).to_numpy()
    score, _ = estimate(found[0.0].scores, "counts", "log score", 1)
    assert score == pytest.approx(-np.log(likelihood[next_year]).mean(), rel=1e-5)
    widths = [
        (each.rates.filter(model="counts")["high"] - each.rates.filter(model="counts")["low"]).sum()
        for each in found.values()
    ]
    assert widths == sorted(set(widths))
    held = {error: each.coverage.filter(model="counts")["holds"].unique().to_list() for error, each in found.items()}
    assert held == {0.0: ["draws, refits"], 0.1: ["draws, refits, common error"], 0.2: ["draws, refits, common error"]}
    assert found[0.0].rates.filter(model=STATE).equals(found[0.2].rates.filter(model=STATE))


@pytest.mark.parametrize("given", ["refits", "common_error"])
def test_of_no_model_here(given: str, chain: Panel) -> None:
    with pytest.raises(OptionError, match="of 'other', which is no model here: use counts"):
        backtest({"counts": Transition().fit(chain)}, chain, origins=[2003], horizon=1, **{given: {"other": []}})  # type: ignore[arg-type]
