"""Where a backtest stands and what it counts: cut careers, rates, coverage and clustered errors, each by hand."""

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from sklearn.metrics import log_loss

import laborllm as ll
from laborllm.errors import PanelError
from laborllm.forecasting.backtests.origins import SHARE, STATE, Futures, Origin, cut, futures_of, marginal_of
from laborllm.forecasting.backtests.rates import AGES, coverage_of, rates_at
from laborllm.forecasting.backtests.scored import means_of, scores_at
from laborllm.forecasting.groups.common_error import ENOUGH
from laborllm.models.counts.specs import Transition
from laborllm.panel import Panel

YEAR, HORIZON, DRAWS = 2005, 6, 40


@pytest.fixture(scope="module")
def careers() -> Panel:
    return ll.import_synthetic(workers=120)


@pytest.fixture(scope="module")
def origin(careers: Panel) -> Origin:
    return cut(careers, "train", YEAR, HORIZON)


@pytest.fixture(scope="module")
def futures(careers: Panel, origin: Origin) -> dict[str, Futures]:
    models = {"chain": [Transition().fit(careers)]}
    return dict(futures_of(models, origin, marginal_of(careers), DRAWS, 0))


@pytest.fixture(scope="module")
def many() -> Origin:
    """Enough people for counts that may be shown."""
    return cut(ll.import_synthetic(workers=600), "train", YEAR, HORIZON)


@pytest.fixture(scope="module")
def many_futures(many: Origin) -> dict[str, Futures]:
    careers = ll.import_synthetic(workers=600)
    return dict(futures_of({"chain": [Transition().fit(careers)]}, many, marginal_of(careers), DRAWS, 0))


def test_careers_are_cut_at_the_origin(careers: Panel, origin: Origin) -> None:
    known: dict[str, list[dict[str, object]]] = defaultdict(list)
    later: dict[str, dict[int, str]] = defaultdict(dict)
    for row in careers.subset("train").records.iter_rows(named=True):
        if row["year"] <= YEAR:
            known[row["worker"]].append(row)
        elif row["year"] <= YEAR + HORIZON:
            later[row["worker"]][row["year"]] = row["occupation"]
    both = sorted(set(known) & set(later))
    years = sorted({year for worker in both for year in later[worker]})
    assert origin.years.tolist() == years
    assert origin.panel.records["worker"].unique(maintain_order=True).to_list() == both
    codes = careers.taxonomy.codes
    for at, worker in enumerate(both):
        assert codes[origin.last[at]] == known[worker][-1]["occupation"]
        for place, year in enumerate(years):
            column = origin.observed[at, place]
            assert (codes[column] if column < len(codes) else None) == later[worker].get(year)
    assert origin.panel.open_records == len(both) * len(years)
    observed = origin.panel.observed().records
    assert observed["year"].max() <= YEAR  # type: ignore[operator]
    assert len(observed) == sum(len(known[worker]) for worker in both)


def test_nothing_known_of_the_future_enters_a_forecast(careers: Panel, origin: Origin) -> None:
    """Other occupations after the origin leave the careers that are forecast as they were."""
    codes = careers.taxonomy.codes
    changed = pl.when(pl.col("year") > YEAR).then(pl.lit(codes[0])).otherwise("occupation").alias("occupation")
    other = cut(careers.with_records(careers.records.with_columns(changed)), "train", YEAR, HORIZON)
    assert other.panel.records.equals(origin.panel.records)
    assert (other.observed[other.observed < len(codes)] == 0).all()


def test_an_origin_without_anybody_is_refused(careers: Panel) -> None:
    with pytest.raises(PanelError, match="was seen both up to 1900 and in the 6 years since"):
        cut(careers, "test", 1900, HORIZON)


def test_shares_of_training_records_with_one_added(careers: Panel) -> None:
    seen = Counter(careers.subset("train").records["occupation"])
    total = sum(seen.values()) + len(careers.taxonomy)
    expected = [(seen[code] + 1) / total for code in careers.taxonomy.codes]
    assert marginal_of(careers).tolist() == pytest.approx(expected)


def test_naive_forecasts_are_what_their_names_say(careers: Panel, origin: Origin, futures: dict[str, Futures]) -> None:
    state, share = futures[STATE], futures[SHARE]
    workers, horizon = origin.observed.shape
    for at in range(workers):
        assert (state.probability[at].argmax(axis=1) == origin.last[at]).all()
        assert (state.paths[at] == origin.last[at]).all()
    assert state.probability.sum() == workers * horizon
    np.testing.assert_allclose(share.probability[0, 0], marginal_of(careers))
    frequencies = np.bincount(share.paths.ravel(), minlength=len(careers.taxonomy)) / share.paths.size
    spread = np.sqrt(marginal_of(careers) / share.paths.size)
    assert (np.abs(frequencies - marginal_of(careers)) < 6 * spread).all()


@dataclass
class ByHand:
    """A count of workers of one horizon, age and group: seen, expected, and on each path."""

    seen: int = 0
    expected: float = 0.0
    drawn: Counter[int] = field(default_factory=Counter)

    def interval(self, draws: int) -> tuple[int, int]:
        """The central interval of 90 %: order statistics of the counts on the paths."""
        ordered = sorted(self.drawn[draw] for draw in range(draws))
        return ordered[math.ceil(draws / 20) - 1], ordered[math.ceil(draws * 19 / 20) - 1]


def by_hand(origin: Origin, futures: Futures) -> tuple[Counter[tuple[int, str]], dict[tuple[int, str, str], ByHand]]:
    """Workers of each horizon and age, and the counts of their groups, worker by worker and path by path."""
    born = dict(origin.panel.records.group_by("worker").agg(pl.col("birth_year").first()).iter_rows())
    groups = origin.panel.taxonomy.groups
    people: Counter[tuple[int, str]] = Counter()
    counts: dict[tuple[int, str, str], ByHand] = defaultdict(ByHand)
    for at, worker in enumerate(origin.panel.records["worker"].unique(maintain_order=True)):
        age = next((f"{low}" for low in reversed(AGES) if YEAR - born[worker] >= low), "under")
        for year, calendar in enumerate(origin.years.tolist()):
            if origin.observed[at, year] == len(groups):
                continue
            place = calendar - YEAR, age
            people[place] += 1
            counts[*place, groups[origin.observed[at, year]]].seen += 1
            for column, chance in enumerate(futures.probability[at, year].tolist()):
                counts[*place, groups[column]].expected += chance
            for draw, column in enumerate(futures.paths[at, :, year].tolist()):
                counts[*place, groups[column]].drawn[draw] += 1
    return people, counts


@pytest.mark.parametrize("name", ["chain", STATE, SHARE])
def test_rates_count_people_by_age_and_group(many: Origin, many_futures: dict[str, Futures], name: str) -> None:
    people, counts = by_hand(many, many_futures[name])
    found = rates_at(many, many_futures[name])
    assert found.select("horizon", "age").n_unique() == len(people)
    shown = found.drop_nulls()  # small cells, and those that would give them away, are withheld
    assert shown.filter(pl.col("observed") > 0).height > 20
    for row in shown.iter_rows(named=True):
        place = row["horizon"], row["age"].split(" ")[0]
        count = counts[*place, row["group"]]
        assert row["people"] == people[place]
        assert row["observed"] == count.seen
        assert row["expected"] == pytest.approx(count.expected, abs=1e-3)
        assert (row["low"], row["high"]) == count.interval(many_futures[name].paths.shape[1])


def test_coverage_counts_the_cells_that_their_intervals_hold(many: Origin, many_futures: dict[str, Futures]) -> None:
    """All cells with enough expected people, those that rates withhold too: a sum of them names nobody."""
    _, counts = by_hand(many, many_futures["chain"])
    coverage = coverage_of(many, many_futures["chain"]).filter(level=0.9)
    assert coverage["cells"].min() > 0  # type: ignore[operator]
    for row in coverage.iter_rows(named=True):
        cells = [count for place, count in counts.items() if place[0] == row["horizon"] and count.expected >= ENOUGH]
        intervals = [(count.interval(DRAWS), count.seen) for count in cells]
        assert row["cells"] == len(cells)
        assert row["held"] == sum(low <= seen <= high for (low, high), seen in intervals)


def test_more_cells_are_held_by_wider_intervals(origin: Origin, futures: dict[str, Futures]) -> None:
    for found in futures.values():
        for part in coverage_of(origin, found).partition_by("horizon"):
            assert part.sort("level")["held"].is_sorted()
            assert part["cells"].n_unique() == 1


def test_scores_of_records_are_those_of_scikit_learn(origin: Origin, futures: dict[str, Futures]) -> None:
    row, year = np.nonzero(origin.observed < len(origin.panel.taxonomy))
    truth, probability = origin.observed[row, year], futures["chain"].probability[row, year].astype(np.float64)
    scores = {part["metric"][0]: part for part in scores_at(origin, futures["chain"])}
    labels = list(range(len(origin.panel.taxonomy)))
    expected = log_loss(truth, probability / probability.sum(axis=1, keepdims=True), labels=labels)
    assert scores["log score"]["value"].mean() == pytest.approx(expected, rel=1e-5)
    brier = [
        sum((float(chance) - (column == right)) ** 2 for column, chance in enumerate(chances))
        for chances, right in zip(probability[:50], truth[:50], strict=True)
    ]
    assert scores["Brier score"]["value"][:50].to_list() == pytest.approx(brier)
    assert (scores["top-1"]["value"] <= scores["top-5"]["value"]).all()
    assert scores["log score"]["horizon"].to_list() == (origin.years[year] - YEAR).tolist()


def test_a_constant_state_is_right_where_people_stay(origin: Origin, futures: dict[str, Futures]) -> None:
    scores = {part["metric"][0]: part for part in scores_at(origin, futures[STATE])}
    row, year = np.nonzero(origin.observed < len(origin.panel.taxonomy))
    stays = origin.observed[row, year] == origin.last[row]
    assert (scores["top-1"]["value"].to_numpy() == stays).all()
    assert (scores["Brier score"]["value"].to_numpy() == 2 * ~stays).all()
    assert (np.isinf(scores["log score"]["value"].to_numpy()) == ~stays).all()


def test_whole_paths_of_people_who_never_move(origin: Origin, futures: dict[str, Futures]) -> None:
    """With a single path drawn again and again, the scores of counts are absolute errors."""
    scores = {part["metric"][0]: part for part in scores_at(origin, futures[STATE])}
    occupations = len(origin.panel.taxonomy)
    whole = np.flatnonzero((origin.observed < occupations).all(axis=1))
    moves = []
    for at in whole:
        before = [origin.last[at], *origin.observed[at][:-1]]
        moves.append(sum(one != other for one, other in zip(before, origin.observed[at], strict=True)))
    assert scores["CRPS, moves"]["value"].to_list() == pytest.approx(moves)  # none are expected
    differ = [(origin.observed[at] != origin.last[at]).sum() ** 0.5 for at in whole]
    assert scores["energy score"]["value"].to_list() == pytest.approx(differ)
    assert scores["coverage 90%, moves"]["value"].to_list() == [float(count == 0) for count in moves]


def test_standard_errors_are_those_of_statsmodels_clustered_by_worker() -> None:
    generator = np.random.default_rng(4)
    worker = generator.integers(30, size=400)
    value = generator.normal(size=400) + 0.5 * worker % 3
    names = [f"w{at}" for at in worker]
    frame = pl.DataFrame({"worker": names, "value": value, "horizon": 1, "metric": "log score", "model": "m"})
    fitted = sm.OLS(value, np.ones((400, 1))).fit(
        cov_type="cluster", cov_kwds={"groups": worker, "use_correction": False}
    )
    clusters = len(np.unique(worker))
    found = means_of(frame).row(0, named=True)
    assert found["estimate"] == pytest.approx(value.mean())
    assert found["standard_error"] == pytest.approx(float(fitted.bse[0]) * (clusters / (clusters - 1)) ** 0.5)
    assert (found["records"], found["workers"]) == (400, clusters)


def test_means_are_apart_by_model_horizon_and_metric() -> None:
    pairs = {("a", 1): (1.0, 3.0), ("a", 2): (5.0, 5.0), ("b", 1): (0.0, 4.0)}
    rows = [(*place, "x", f"w{n}", values[n % 2]) for place, values in pairs.items() for n in range(10)]
    frame = pl.DataFrame(rows, schema=["model", "horizon", "metric", "worker", "value"], orient="row")
    found = means_of(frame)
    assert found["estimate"].to_list() == [2.0, 5.0, 2.0]
    assert found["standard_error"].to_list() == pytest.approx([1 / 3, 0.0, 2 / 3])  # of ten values
