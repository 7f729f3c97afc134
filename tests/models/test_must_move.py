"""A forecast given a move, and models that are wrapped: the conditional distribution by Bayes, year by year."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from laborllm.errors import PanelError, RunError
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.models.contract import Fitted
from laborllm.models.counts.specs import Transition
from laborllm.models.forecasts.forecast import Floats, Forecast
from laborllm.models.forecasts.saved import SavedForecast
from laborllm.models.must_move import MovingPaths, MustMove
from laborllm.models.rescored import RescoredPaths, careers_so_far, start_paths
from laborllm.models.scored import WithScoring
from laborllm.models.sequence.specs import Nemo
from laborllm.models.taxonomies import as_read, made_before, require_taxonomy, taxonomy_of
from laborllm.occupations import Taxonomy, load_taxonomy
from laborllm.panel import Panel
from laborllm.panel.history import History
from laborllm.sources.synthetic import DRAWN_STATES, import_synthetic

YEARS = (2031, 2032, 2033)


@pytest.fixture(scope="module")
def fitted(panel: Panel) -> Fitted:
    return Transition("second-order").fit(panel)


@pytest.fixture(scope="module")
def opened(panel: Panel) -> Panel:
    """Some careers with three open years after them."""
    return panel.part(panel.records.filter(pl.col("worker").is_in([f"w{at}" for at in range(12)]))).open(years=YEARS)


def last_columns(panel: Panel) -> list[int]:
    """Column of the last observed occupation of each worker, in the order of the panel."""
    careers = panel.observed().records.partition_by("worker", maintain_order=True)
    return [panel.taxonomy.position[career["occupation"][-1]] for career in careers]


def test_a_forecast_given_a_move_is_bayes_rule(fitted: Fitted, panel: Panel) -> None:
    """P(k | not j) = P(k) / (1 - P(j)) in open records; what is observed is forecast as it was."""
    one = panel.open(years=[2031])
    plain, moved = fitted.forecast(one), MustMove(fitted).forecast(one)
    assert moved.method == f"{plain.method}, given a move"
    history = History.of(one)
    is_open = one.records["occupation"].is_null().to_numpy()
    assert np.array_equal(moved.log_prob[~is_open], plain.log_prob[~is_open])
    for row in np.flatnonzero(is_open):
        share = np.exp(plain.log_prob[row].astype(np.float64))
        stay = history.previous[row]
        expected = share / (1 - share[stay])
        expected[stay] = 0
        np.testing.assert_allclose(np.exp(moved.log_prob[row]), expected, atol=1e-5)
    assert np.array_equal(MustMove(fitted).log_likelihood(one), fitted.log_likelihood(one))


def test_who_never_worked_is_forecast_as_before(fitted: Fitted, panel: Panel) -> None:
    """Nothing is given to have been left."""
    first = panel.part(panel.records.unique("worker", keep="first", maintain_order=True))
    nobody = first.with_records(first.records.with_columns(occupation=pl.lit(None, pl.String)))
    assert np.array_equal(MustMove(fitted).forecast(nobody).log_prob, fitted.forecast(nobody).log_prob)


@pytest.mark.parametrize("make", [lambda: Transition(), lambda: Transition("second-order"), lambda: Nemo(width=8)])
def test_paths_move_in_their_first_year_only(make, panel: Panel, opened: Panel) -> None:  # type: ignore[no-untyped-def]
    """The first distribution is that of the forecast given a move, all later ones are the model's own."""
    model = make().fit(panel)
    moving, plain = MustMove(model).paths(opened, 4), start_paths(model, opened, 4)
    one = opened.part(opened.records.filter(pl.col("year") <= YEARS[0]))
    expected = np.exp(MustMove(model).forecast(one).only_open().log_prob.astype(np.float64))
    first = moving.probability()
    np.testing.assert_allclose(first[:, 0].numpy(), expected, atol=1e-5)
    assert not np.allclose(first[:, 0], plain.probability()[:, 0])
    assert first[range(opened.workers), 0, last_columns(opened)].max() == 0
    drawn = torch.arange(4 * opened.workers).view(opened.workers, 4) % len(panel.taxonomy)
    for _ in YEARS[1:]:
        for paths in (moving, plain):
            paths.append(drawn)
        torch.testing.assert_close(moving.probability(), plain.probability())


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=6), st.data())
def test_a_move_by_hand(weights: list[float], data: st.DataObject) -> None:
    last = data.draw(st.integers(0, len(weights)))  # as many as there are: nothing before
    share = np.array(weights) / np.sum(weights)

    class Given:
        def probability(self) -> torch.Tensor:
            return torch.tensor(share)[None, None]

        def append(self, occupation: torch.Tensor) -> None:
            pass

    found = MovingPaths(Given(), np.array([last])).probability()[0, 0].numpy()
    expected = share.copy()
    if last < len(weights):
        expected[last] = 0
    np.testing.assert_allclose(found, expected / expected.sum(), rtol=1e-9)


def test_the_record_of_the_model_is_that_of_what_it_wraps(fitted: Fitted, panel: Panel) -> None:
    assert MustMove(fitted).record == fitted.record
    assert MustMove(SavedForecast(fitted.forecast(panel))).record is None


@given(seed=st.integers(0, 10_000), closed=st.integers(0, 2), paths=st.integers(1, 9))
def test_careers_so_far_are_those_put_together_by_hand(opened: Panel, seed: int, closed: int, paths: int) -> None:
    generator = np.random.default_rng(seed)
    worker = generator.integers(opened.workers, size=paths)
    drawn = generator.integers(len(opened.taxonomy), size=(paths, closed))
    found = careers_so_far(opened, worker, drawn).records.partition_by("worker", maintain_order=True)
    whole = opened.records.partition_by("worker", maintain_order=True)
    assert len(found) == paths
    for path, career in enumerate(found):
        rows = whole[worker[path]].rows(named=True)
        observed = [row for row in rows if row["occupation"] is not None]
        ahead = [row for row in rows if row["occupation"] is None][: closed + 1]
        codes = [*(opened.taxonomy.codes[column] for column in drawn[path]), None]
        expected = [*observed, *(row | {"occupation": code} for row, code in zip(ahead, codes, strict=True))]
        assert career.drop("worker").rows(named=True) == [
            {name: value for name, value in row.items() if name != "worker"} for row in expected
        ]


def test_paths_that_carry_state_agree_with_forecasting_again(fitted: Fitted, opened: Panel) -> None:
    quick, slow = start_paths(fitted, opened, 3), RescoredPaths(fitted, opened, 3)
    assert type(quick) is not RescoredPaths
    for year in range(len(YEARS)):
        torch.testing.assert_close(quick.probability().double(), slow.probability(), atol=1e-5, rtol=0)
        if year + 1 < len(YEARS):
            drawn = torch.randint(len(opened.taxonomy), (opened.workers, 3), generator=torch.manual_seed(year))
            for paths in (quick, slow):
                paths.append(drawn)


class Plain:
    """A forecaster with nothing but the two methods; it remembers how it was asked to score."""

    def __init__(self, model: Fitted) -> None:
        self.model = model
        self.asked: list[ScoringOptions | None] = []

    def forecast(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Forecast:
        self.asked.append(scoring)
        return self.model.forecast(panel)

    def log_likelihood(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Floats:
        self.asked.append(scoring)
        return self.model.log_likelihood(panel)


def test_any_forecaster_has_paths(fitted: Fitted, opened: Panel) -> None:
    paths = start_paths(Plain(fitted), opened, 2)
    assert isinstance(paths, RescoredPaths)
    assert paths.probability().shape == (opened.workers, 1, len(opened.taxonomy))
    torch.testing.assert_close(paths.probability().sum(dim=-1), torch.ones(opened.workers, 1, dtype=torch.float64))


def test_options_of_scoring_are_its_own_unless_asked_otherwise(fitted: Fitted, panel: Panel) -> None:
    ours, theirs = (ScoringOptions("pruned", tolerance=tolerance) for tolerance in (0.1, 0.2))
    plain = Plain(fitted)
    wrapped = WithScoring(plain, ours)
    assert np.array_equal(wrapped.forecast(panel).log_prob, fitted.forecast(panel).log_prob)
    wrapped.log_likelihood(panel)
    wrapped.forecast(panel, scoring=theirs)
    wrapped.log_likelihood(panel, scoring=theirs)
    assert plain.asked == [ours, ours, theirs, theirs]


def test_taxonomies_of_whatever_forecasts(fitted: Fitted, panel: Panel) -> None:
    forecast, other = fitted.forecast(panel), load_taxonomy("nlswork").with_states(DRAWN_STATES)
    elsewhere = import_synthetic(3, other)
    for model in (fitted, forecast, SavedForecast(forecast), WithScoring(fitted, ScoringOptions()), MustMove(fitted)):
        assert taxonomy_of(model, elsewhere) == panel.taxonomy
    assert taxonomy_of(Plain(fitted), elsewhere) == other
    assert made_before(fitted) is None
    assert made_before(WithScoring(SavedForecast(forecast), ScoringOptions())) is forecast
    assert made_before(forecast) is made_before(SavedForecast(forecast)) is forecast


def test_a_taxonomy_that_is_not_the_model_s_is_refused(fitted: Fitted, panel: Panel) -> None:
    require_taxonomy(fitted, panel)
    renamed = [
        (code, f"{title} of sorts", "All")
        for code, title in zip(panel.taxonomy.codes, panel.taxonomy.titles, strict=True)
    ]
    other = replace(panel, taxonomy=Taxonomy.from_occupations("renamed", renamed))
    with pytest.raises(
        RunError, match="over taxonomy invented with 7 occupations, the panel has renamed with 7"
    ) as found:
        require_taxonomy(fitted, other)
    assert found.value.hint == "import the panel with the same --states"
    assert as_read(fitted, panel).records.equals(panel.records)
    with pytest.raises(PanelError, match="code 0 is 'Cashiers of sorts' in the panel and 'Cashiers' in taxonomy"):
        as_read(fitted, other)


def test_a_saved_forecast_forecasts_no_other_record(fitted: Fitted, panel: Panel) -> None:
    saved = SavedForecast(fitted.forecast(panel.subset("test")))
    test = panel.subset("test")
    assert np.array_equal(saved.log_likelihood(test), saved.saved.raw_log_likelihood)
    assert saved.lineage == fitted.record.lineage
    with pytest.raises(RunError, match=r"the forecast lacks [\d,]+ of the [\d,]+ records"):
        saved.forecast(panel)
