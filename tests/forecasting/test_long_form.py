"""The long form of hubs, and other versions of the same careers: against the frames they come from."""

import numpy as np
import polars as pl
import pytest

from laborllm.errors import LaborLLMError, OptionError, PanelError, TaxonomyError
from laborllm.forecasting.groups.shares import group_shares, values_by_worker
from laborllm.forecasting.hub import COLUMNS, hub_differences, hub_probabilities, hub_shares
from laborllm.forecasting.simulation.result import Simulation
from laborllm.forecasting.simulation.simulate import simulate
from laborllm.forecasting.simulation.versions import if_records_said
from laborllm.forecasting.simulation.what_if import what_if
from laborllm.models.counts.specs import Transition
from laborllm.models.counts.transition import FittedTransition
from laborllm.models.sequence.specs import Logit
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, Provenance


@pytest.fixture(scope="module")
def counted(panel: Panel) -> FittedTransition:
    return Transition().fit(panel)


@pytest.fixture(scope="module")
def paths(counted: FittedTransition, panel: Panel) -> Simulation:
    return simulate(counted, panel, years=[2005, 2007], draws=100)


def test_probabilities_are_a_pmf_over_codes(paths: Simulation, panel: Panel) -> None:
    table = hub_probabilities(paths, "counts")
    assert tuple(table.columns) == COLUMNS
    assert table.height == panel.workers * 2 * len(panel.taxonomy)
    assert table.select("target", "model", "output_type").unique().rows() == [("occupation", "counts", "pmf")]
    sums = table.group_by("group", "year").agg(pl.col("value").sum())["value"]
    np.testing.assert_allclose(sums, 1, atol=1e-5)
    row = table.filter(pl.col("group") == paths.workers["worker"][3], year=2007, output_type_id="2").row(0, named=True)
    assert row["value"] == pytest.approx(float(paths.probability[3, 1, 2]))
    assert (row["title"], row["horizon"]) == ("Bank tellers", 2007 - paths.workers["year"][3])


def test_shares_have_a_mean_and_the_two_ends_of_the_interval(paths: Simulation, panel: Panel) -> None:
    shares = group_shares(paths, level=0.8)
    table = hub_shares(shares, "counts", level=0.8)
    assert table.height == 4 * len(shares)
    for kind, identifier, column in (
        ("pmf", "2", "share"),
        ("mean", None, "count"),
        ("quantile", "0.1", "low"),
        ("quantile", "0.9", "high"),
    ):
        found = table.filter(pl.col("output_type_id").eq_missing(identifier), output_type=kind, year=2005, code="2")
        assert found["value"].to_list() == [float(shares.filter(year=2005, code="2")[column][0])]
    assert shares["count"].sum() == pytest.approx(2 * panel.workers, abs=1e-3)


def test_differences_have_the_interval_of_their_error(counted: FittedTransition, panel: Panel) -> None:
    opened = panel.open([2005, 2007])
    difference = what_if(counted, opened, if_records_said(opened, last_occupation="5"), draws=50)
    table = hub_differences(difference, "counts", top=1)
    assert table["target"].unique().to_list() == ["difference in probability"]
    mean, low, high = (
        table.filter(pl.col("output_type_id").eq_missing(identifier))["value"].to_numpy()
        for identifier in (None, "0.05", "0.95")
    )
    flat = difference.probability.reshape(len(mean), -1)
    at = np.abs(flat).argmax(axis=1)
    np.testing.assert_allclose(mean, flat[np.arange(len(at)), at])
    error = difference.error.reshape(len(mean), -1)[np.arange(len(at)), at]
    np.testing.assert_allclose(high - low, 2 * 1.6448536 * error, atol=1e-7)


def test_other_records_say_so_from_the_last_year_on(panel: Panel) -> None:
    opened = panel.open([2005])
    records = if_records_said(opened, education="college", region="west", last_occupation="5").records
    before = opened.records
    observed = before["occupation"].is_not_null()
    last = observed & (before["worker"] != before["worker"].shift(-2)) & before["occupation"].shift(-1).is_null()
    assert records.filter(last)["occupation"].unique().to_list() == ["5"]
    assert records.filter(last | ~observed)["education"].unique().to_list() == ["college"]
    assert records["region"].unique().to_list() == ["west"]
    untouched = observed & ~last
    assert records.filter(untouched)["occupation"].equals(before.filter(untouched)["occupation"])
    assert records.filter(untouched)["education"].equals(before.filter(untouched)["education"])
    idle = if_records_said(opened, out_of_work=True).records
    assert idle.filter(last)["occupation"].unique().to_list() == ["unemployed"]


def test_impossible_what_ifs_are_refused(panel: Panel, counted: FittedTransition) -> None:
    opened = panel.open([2005])
    jobs = Taxonomy.from_occupations("jobs", [("1", "Cooks", "All"), ("2", "Cashiers", "All")])
    one = pl.DataFrame({"worker": ["a"], "year": [2000], "occupation": ["1"], "split": ["test"]})
    stateless = Panel(one, jobs, "ONE", Provenance("invented")).open([2005])
    refused: list[tuple[Panel, dict[str, object], type[LaborLLMError], str]] = [
        (opened, {}, OptionError, "needs another record"),
        (opened, {"last_occupation": "99"}, TaxonomyError, "no occupation with code '99'"),
        (opened, {"last_occupation": "1", "out_of_work": True}, OptionError, "two what-ifs"),
        (stateless, {"out_of_work": True}, PanelError, "has no state for a year without work"),
        (stateless, {"last_occupation": "1"}, PanelError, "changes nothing"),
    ]
    for careers, said, kind, message in refused:
        with pytest.raises(kind, match=message):
            if_records_said(careers, **said)  # type: ignore[arg-type]


def test_another_record_may_be_spelt_as_people_spell_it(panel: Panel) -> None:
    opened = panel.open([2005])
    for said, word in (({"education": "Bachelor's degree"}, "college"), ({"region": "Midwest"}, "northcentral")):
        (name,) = said
        last = if_records_said(opened, **said).records.group_by("worker").last()  # type: ignore[arg-type]
        assert set(last[name]) == {word}


def test_a_value_that_the_model_never_saw_is_refused(panel: Panel, counted: FittedTransition) -> None:
    opened = panel.open([2005])
    other = if_records_said(opened, region="the moon")
    with pytest.raises(PanelError, match="does not read region: what it forecasts is the same whatever it says"):
        what_if(counted, opened, other, draws=5)
    logit = Logit().fit(panel)
    with pytest.raises(PanelError, match=r"never saw region 'the moon'.*it knows: south"):
        what_if(logit, opened, other, draws=5)
    assert what_if(logit, other, other, draws=5).years.shape == (panel.workers, 1)


def test_groups_are_the_last_known_values(panel: Panel) -> None:
    found = values_by_worker(panel, "education")
    last = [
        part["education"].drop_nulls().to_list()[-1:]
        for part in panel.records.partition_by("worker", maintain_order=True)
    ]
    assert found == [known[0] if known else "unknown" for known in last]
    with pytest.raises(PanelError, match="no column 'shoe_size' to group by"):
        values_by_worker(panel, "shoe_size")
