"""Summaries of paths, each counted path by path: time in groups, moves, survival, return to work, whole people."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laborllm.errors import OptionError, PanelError
from laborllm.forecasting.frequencies import largest_remainders, natural_frequencies
from laborllm.forecasting.simulation.result import Simulation
from laborllm.forecasting.summaries import (
    moves,
    probabilities,
    return_to_work,
    survival,
    time_in_groups,
    trajectories,
)
from laborllm.occupations import Taxonomy

JOBS = [("1", "Cooks", "Food"), ("2", "Waiters", "Food"), ("3", "Tellers", "Banks")]
TOWN = Taxonomy.from_occupations("town", JOBS).with_states(["unemployed"])
OUT = TOWN.position["unemployed"]
YEARS = (2025, 2027, 2028)
MANY = settings(max_examples=30)


@st.composite
def simulations(draw: st.DrawFn) -> Simulation:
    """Up to six workers, some without a last occupation, on up to ten paths of three years."""
    workers, draws = draw(st.integers(1, 6)), draw(st.integers(1, 10))
    generator = np.random.default_rng(draw(st.integers(0, 100_000)))
    paths = generator.integers(len(TOWN), size=(workers, draws, len(YEARS))).astype(np.int16)
    last = [[*TOWN.codes, None][at] for at in generator.integers(len(TOWN) + 1, size=workers)]
    probability = generator.dirichlet(np.ones(len(TOWN)), size=(workers, len(YEARS))).astype(np.float32)
    return Simulation(
        workers=pl.DataFrame(
            {"worker": [f"w{at}" for at in range(workers)], "year": [2024] * workers, "occupation": last},
            schema_overrides={"occupation": pl.String},
        ),
        years=np.tile(np.array(YEARS, np.int16), (workers, 1)),
        taxonomy=TOWN,
        probability=probability,
        error=(probability / 10).astype(np.float32),
        occupation=paths,
        seed=0,
    )


def whole_paths(found: Simulation, worker: int) -> list[list[int | None]]:
    """The paths of a worker, each with the last known column (or None) before it."""
    last = found.workers["occupation"][worker]
    return [[None if last is None else TOWN.position[last], *path] for path in found.occupation[worker].tolist()]


@MANY
@given(simulations())
def test_moves_are_counted_on_every_path(found: Simulation) -> None:
    table = moves(found)
    for at in range(len(found.workers)):
        counts = [sum(one is not None and one != two for one, two in pairwise(path)) for path in whole_paths(found, at)]
        assert table["mean"][at] == pytest.approx(np.mean(counts))
        assert table["low"][at] <= table["median"][at] <= table["high"][at]
        assert {table[name][at] for name in ("low", "median", "high")} <= set(counts)
        assert sum(count <= table["median"][at] for count in counts) >= len(counts) / 2


@MANY
@given(simulations())
def test_who_survives_has_never_left(found: Simulation) -> None:
    table = survival(found)
    for at in range(len(found.workers)):
        rows = table.filter(worker=f"w{at}")
        assert rows["year"].to_list() == list(YEARS)
        assert rows["horizon"].to_list() == [1, 3, 4]
        paths = whole_paths(found, at)
        if paths[0][0] is None:
            assert rows["survival"].null_count() == rows["error"].null_count() == len(YEARS)
            continue
        kept = [np.mean([len(set(path[: year + 2])) == 1 for path in paths]) for year in range(len(YEARS))]
        assert rows["survival"].to_list() == pytest.approx(kept)
        errors = [(share * (1 - share) / len(paths)) ** 0.5 for share in kept]
        assert rows["error"].to_list() == pytest.approx(errors)
        assert rows["survival"].is_sorted(descending=True)


@MANY
@given(simulations())
def test_who_is_back_has_had_a_job_since(found: Simulation) -> None:
    table = return_to_work(found)
    for at in range(len(found.workers)):
        rows, paths = table.filter(worker=f"w{at}"), whole_paths(found, at)
        if paths[0][0] != OUT:
            assert rows["returned"].null_count() == len(YEARS)
            continue
        back = [np.mean([any(job != OUT for job in path[1 : year + 2]) for path in paths]) for year in range(3)]
        assert rows["returned"].to_list() == pytest.approx(back)
        assert rows["returned"].is_sorted()


@MANY
@given(simulations())
def test_time_in_groups_is_a_sum_of_probabilities(found: Simulation) -> None:
    table = time_in_groups(found)
    for worker, group, records in table.iter_rows():
        at = int(worker[1:])
        columns = [column for column, name in enumerate(TOWN.groups) if name == group]
        assert records == pytest.approx(float(found.probability[at][:, columns].sum()), abs=1e-5)
    spent = table.group_by("worker").agg(pl.col("records").sum())["records"]
    np.testing.assert_allclose(spent, len(YEARS), atol=1e-4)


@MANY
@given(simulations(), st.integers(1, 6))
def test_the_most_probable_come_first(found: Simulation, top: int) -> None:
    whole, best = probabilities(found), probabilities(found, top=top)
    for (worker, year), rows in best.group_by("worker", "year"):
        theirs = whole.filter(worker=worker, year=year)
        assert theirs["code"].to_list() == list(TOWN.codes)
        ranked = sorted(theirs["probability"].to_list(), reverse=True)[:top]
        assert rows["probability"].to_list() == ranked
        assert rows["title"].to_list() == [TOWN.title(code) for code in rows["code"]]
        errors = dict(theirs.select("code", "error").iter_rows())
        assert rows["error"].to_list() == [errors[code] for code in rows["code"]]


@MANY
@given(simulations(), st.integers(1, 5), st.sampled_from([10, 100, 1000]))
def test_whole_people_add_up_and_are_less_than_one_off(found: Simulation, top: int, of: int) -> None:
    table = natural_frequencies(found, of=of, top=top)
    for (worker, year), rows in table.group_by("worker", "year"):
        at, place = int(str(worker)[1:]), YEARS.index(year)
        assert rows["people"].sum() == of
        last = found.workers["occupation"][at]
        assert rows["kind"][-1] == "other"
        assert (rows["kind"][0] == "stay") == (last is not None)
        for kind, code, people in rows.select("kind", "code", "people").iter_rows():
            if kind != "other":
                share = float(found.probability[at, place, TOWN.position[code]])
                assert abs(people - of * share) < 1 + 1e-4
        named = rows["code"].drop_nulls()
        assert named.is_unique().all()


@given(st.lists(st.floats(0.001, 10), min_size=1, max_size=12), st.integers(1, 500))
def test_remainders_by_the_method_of_hamilton(shares: list[float], total: int) -> None:
    found = largest_remainders(np.array(shares), total).tolist()
    exact = [total * share / sum(shares) for share in shares]
    assert sum(found) == total
    assert all(abs(whole - part) < 1 + 1e-6 for whole, part in zip(found, exact, strict=True))
    up = [part % 1 for whole, part in zip(found, exact, strict=True) if whole > part + 1e-9]
    down = [part % 1 for whole, part in zip(found, exact, strict=True) if whole < part - 1e-9]
    assert not up or not down or min(up) >= max(down) - 1e-6


def test_what_cannot_be_said_is_refused() -> None:
    found = simulation_of_one()
    with pytest.raises(OptionError):
        natural_frequencies(found, of=0)
    with pytest.raises(OptionError):
        natural_frequencies(found, top=0)
    jobless = Taxonomy.from_occupations("town", JOBS)
    with pytest.raises(PanelError, match="has no states without a job"):
        return_to_work(replace(found, taxonomy=jobless))
    other = replace(found, workers=found.workers.with_columns(worker=pl.lit("x")))
    with pytest.raises(PanelError, match="other workers or other years"):
        natural_frequencies([found, other])


def simulation_of_one() -> Simulation:
    """A waiter who stays, surely."""
    probability = np.zeros((1, 1, len(TOWN)), np.float32)
    probability[0, 0, 1] = 1
    worker = pl.DataFrame({"worker": ["w0"], "year": [2024], "occupation": ["2"]})
    years, paths = np.array([[2025]], np.int16), np.ones((1, 4, 1), np.int16)
    return Simulation(worker, years, TOWN, probability, np.zeros_like(probability), paths, 0)


def test_a_waiter_who_stays_surely() -> None:
    found = simulation_of_one()
    said = natural_frequencies(found, top=1).select("kind", "title", "people").rows()
    assert said[0] == ("stay", "Waiters", 100)
    assert sum(people for _, _, people in said[1:]) == 0
    assert survival(found)["survival"].to_list() == [1.0]
    assert moves(found).select("mean", "high").rows() == [(0.0, 0)]


@MANY
@given(simulations(), st.integers(1, 4))
def test_trajectories_are_the_most_frequent_paths(found: Simulation, top: int) -> None:
    table = trajectories(found, top=top)
    for worker, of_paths in zip(found.workers["worker"], found.occupation.tolist(), strict=True):
        counts = Counter(map(tuple, of_paths))
        listed = table.filter(worker=worker).partition_by("trajectory", maintain_order=True)
        for part in listed:
            way = tuple(TOWN.position[code] for code in part["code"])
            assert part["probability"].to_list() == [counts[way] / len(of_paths)] * len(YEARS)
            assert part["year"].to_list() == list(YEARS)
        assert [part["probability"][0] for part in listed] == [
            times / len(of_paths) for _, times in counts.most_common(top)
        ]
