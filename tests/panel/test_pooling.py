"""Pooled panels: who is held out stays so, who is added is only trained on, and draws are what they say."""

import dataclasses

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from laborllm.errors import PanelError
from laborllm.occupations import Taxonomy
from laborllm.panel import Addition, Panel, Provenance, assign_split, coarsen, mix, over
from laborllm.panel.pooling import draw_without_replacement, held_out_of, importance, join
from laborllm.text import Template, render


@pytest.fixture
def other(panel: Panel) -> Panel:
    """The same invented workers under another label, half of them with a weight of zero."""
    weight = pl.when(pl.col("worker").str.ends_with("1")).then(0.0).otherwise(2.0)
    return dataclasses.replace(panel, dataset="OTHER", records=panel.records.with_columns(weight=weight))


def test_the_first_panel_stays_and_the_others_are_trained_on(panel: Panel, other: Panel) -> None:
    mixed = mix(panel, [Addition(other, 0.5)], seed=0)
    assert mixed.held_out == panel.held_out
    for split in ("valid", "test"):
        assert mixed.subset(split).records.equals(panel.subset(split).records)
    added = mixed.records.filter(pl.col("dataset") == "OTHER")
    assert set(added["split"]) == {"train"}
    assert added["worker"].n_unique() == round(0.5 * other.subset("train").workers)
    kept = mixed.records.filter(pl.col("dataset").is_null())
    assert kept.equals(panel.records)
    assert mix(panel, [Addition(other, 0.5)], seed=0).fingerprint == mixed.fingerprint
    assert mix(panel, [Addition(other, 0.5)], seed=1).fingerprint != mixed.fingerprint
    assert sum(mixed.provenance.left_out.values()) + len(mixed) == mixed.provenance.rows_in + len(panel)


def test_the_text_says_which_panel_a_career_is_from(panel: Panel, other: Panel) -> None:
    texts = {career.worker: career.text for career in render(mix(panel, [Addition(other)], seed=0), Template())}
    by_itself = {career.worker: career.text for career in render(panel, Template())}
    worker = panel.subset("train").records["worker"][0]
    assert texts[worker] == by_itself[worker]
    assert texts[f"OTHER:{worker}"] == by_itself[worker].replace("INVENTED", "OTHER")


def test_draw_by_weight_leaves_out_those_without_any(panel: Panel, other: Panel) -> None:
    mixed = mix(panel, [Addition(other, 0.5, "weight")], seed=0)
    added = mixed.records.filter(pl.col("dataset") == "OTHER")
    assert not added["worker"].str.ends_with("1").any()
    with pytest.raises(PanelError, match=r"only \d+ can be: ask for a smaller share"):
        mix(panel, [Addition(other, 1.0, "weight")], seed=0)
    with pytest.raises(PanelError, match="without a weight"):
        mix(other, [Addition(panel, 1.0, "weight")], seed=0)


def test_importance_by_hand() -> None:
    people = pl.DataFrame({"gender": ["f", "f", "f", "m"], "region": ["south", "south", "west", "south"]})
    target = pl.DataFrame({"gender": ["f", "m"], "region": ["south", "south"]})
    missing = [pl.lit(None, pl.String).alias(name) for name in ("education", "ethnicity")]
    found = importance(people.with_columns(missing), target.with_columns(missing))
    np.testing.assert_allclose(found, [0.5 / 0.5, 0.5 / 0.5, 0, 0.5 / 0.25])


def test_drawing_toward_a_target_moves_the_covariates_there(panel: Panel) -> None:
    generator = np.random.default_rng(0)
    rows = pl.DataFrame({"worker": [f"w{at}" for at in range(4000)], "year": 2000, "occupation": "0"})
    half, fifth = (
        Panel(
            assign_split(
                rows.with_columns(gender=pl.Series(np.where(generator.random(4000) < share, "female", "male")))
            ),
            panel.taxonomy,
            label,
            Provenance("drawn"),
        )
        for share, label in ((0.5, "HALF"), (0.2, "FIFTH"))
    )
    mixed = mix(half, [Addition(fifth, 0.1, "target")], seed=0)
    added = mixed.records.filter(pl.col("dataset") == "FIFTH")
    women = (added["gender"] == "female").mean()
    assert women == pytest.approx(0.5, abs=0.1)  # 280 workers are drawn: three standard errors


@given(st.lists(st.floats(0, 10), min_size=1, max_size=20), st.integers(1, 20), st.integers(0, 5))
def test_draws_are_distinct_and_possible(odds: list[float], count: int, seed: int) -> None:
    values = np.array(odds)
    if (values > 0).sum() < count:
        with pytest.raises(PanelError, match="ask for a smaller share"):
            draw_without_replacement(values, count, seed=seed)
        return
    chosen = draw_without_replacement(values, count, seed=seed)
    assert len(set(chosen.tolist())) == count
    assert (values[chosen] > 0).all()


def test_first_draws_follow_the_odds() -> None:
    odds = np.array([1.0, 2.0, 5.0])
    drawn = [draw_without_replacement(odds, 1, seed=seed)[0] for seed in range(2000)]
    np.testing.assert_allclose(np.bincount(drawn) / 2000, odds / 8, atol=0.035)  # three standard errors


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dataset": "INVENTED"}, "two panels are labelled INVENTED"),
        ({"share": 0.0}, "the share of OTHER must be above 0"),
        ({"draw": "twice"}, "use alike, weight, target"),
        ({"title": "Cashiers and clerks"}, "panels can be pooled that differ in their states only"),
    ],
)
def test_what_cannot_be_mixed_is_refused(change: dict[str, object], message: str, panel: Panel, other: Panel) -> None:
    if "dataset" in change:
        other = dataclasses.replace(other, dataset=str(change.pop("dataset")))
    if "title" in change:
        titles = (str(change.pop("title")), *other.taxonomy.titles[1:])
        other = dataclasses.replace(other, taxonomy=dataclasses.replace(other.taxonomy, titles=titles))
    with pytest.raises(PanelError, match=message):
        mix(panel, [Addition(other, **change)], seed=0)  # type: ignore[arg-type]


def test_a_draw_needs_what_it_draws_by(panel: Panel, other: Panel) -> None:
    """Weights that some workers lack, and covariates of which the two panels know different ones."""
    first = pl.col("worker") == pl.col("worker").first()
    weighted = other.with_records(other.records.with_columns(weight=pl.when(~first).then(1.0)))
    with pytest.raises(PanelError, match="OTHER has workers without a weight: they cannot be drawn by it"):
        mix(panel, [Addition(weighted, 0.5, "weight")], seed=0)
    nothing = {name: pl.lit(None, pl.String) for name in ("education", "gender", "ethnicity", "region")}
    unknown = other.with_records(other.records.with_columns(**nothing, birth_year=pl.lit(None, pl.Int16)))
    with pytest.raises(PanelError, match="the panels have no covariate in common: workers cannot be drawn by it"):
        mix(panel, [Addition(unknown, 0.5, "target")], seed=0)


def test_finer_states_become_coarser_whichever_panel_has_them(panel: Panel, other: Panel) -> None:
    """`panel` has the unemployed apart; `coarse` has them among those who do not work."""
    coarse = coarsen(other, ["in_education", "not_working"])
    pooled = mix(panel, [Addition(coarse)], seed=0)
    assert pooled.taxonomy.states == ("in_education", "not_working")
    finer = int((panel.records["occupation"] == "unemployed").sum())
    assert pooled.provenance.notes["states coarsened"] == f"unemployed to not_working ({finer:,} records)"
    assert "coarsened" not in pooled.provenance.notes["added from OTHER"]
    assert pooled.held_out == panel.held_out

    pooled = mix(coarse, [Addition(panel, 0.5)], seed=0)
    assert pooled.taxonomy == coarse.taxonomy
    added = pooled.records.filter(pl.col("dataset") == "INVENTED")
    became = int((added["occupation"] == "not_working").sum())
    assert pooled.provenance.notes["added from INVENTED"].endswith(
        "; states coarsened, unemployed to not_working (fewer than 10 records)"
    )
    assert 0 < became < 10 < finer
    assert not {"unemployed", None} & set(pooled.records["occupation"])


def test_states_of_equal_fineness_are_joined(panel: Panel, other: Panel) -> None:
    with_students = dataclasses.replace(other, taxonomy=other.taxonomy.with_states(["in_education"]))
    pooled = mix(panel, [Addition(with_students)], seed=0)
    assert pooled.taxonomy.states == ("unemployed", "in_education")
    assert pooled.records.filter(pl.col("dataset").is_null()).equals(panel.records)


def test_joined_panels_keep_every_split_and_tell_households_apart(panel: Panel) -> None:
    home = panel.records.with_columns(household=pl.col("worker").str.slice(1).cast(pl.Int64) // 2)
    split = assign_split(home.drop("split"), by="household")
    one = dataclasses.replace(panel, records=split, split_by="household")
    other = dataclasses.replace(one, dataset="OTHER", records=assign_split(home.drop("split"), seed=4, by="household"))
    joined = join([one, other], "BOTH")
    assert len(joined) == 2 * len(panel)
    assert joined.split_by == "household"
    assert joined.records["household"].n_unique() == 2 * home["household"].n_unique()
    for part in (one, other):
        mine = joined.records.filter(dataset=part.dataset).with_columns(pl.col("worker").str.split(":").list.get(1))
        assert mine.select("worker", "year", "split").equals(part.records.select("worker", "year", "split"))
        assert held_out_of(joined)[part.dataset] == part.held_out


def test_joined_panels_share_the_coarser_states(taxonomy: Taxonomy, panel: Panel) -> None:
    coarse = over(panel, taxonomy.without_states.with_states(["not_working"]))
    joined = join([panel, dataclasses.replace(coarse, dataset="COARSE")], "BOTH")
    assert joined.taxonomy.states == ("not_working",)
    assert joined.records["weight"].null_count() == len(joined)
