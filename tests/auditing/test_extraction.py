"""Extraction: who remembers careers completes those it was trained on, and who has seen nobody completes as many of
either."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import one_hot

import laborllm as ll
from auditing.test_report import audit_of
from laborllm.auditing.extraction import Completed, Extraction, compare, completed, extract
from laborllm.auditing.report import as_markdown
from laborllm.errors import PanelError
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.models.forecasts.forecast import Floats, Forecast
from laborllm.panel import Panel


class Memory:
    """Is certain of what it was told of people, by worker and year, and else of the first occupation."""

    def __init__(self, told: Panel) -> None:
        self._told = dict(zip(told.records.select("worker", "year").rows(), told.records["occupation"], strict=True))

    def paths(self, panel: Panel, draws: int) -> "Recited":
        asked = panel.records.filter(pl.col("occupation").is_null()).select("worker", "year").rows()
        codes = [self._told.get(key, panel.taxonomy.codes[0]) for key in asked]
        return Recited(panel.taxonomy.columns(codes).reshape(panel.workers, -1), len(panel.taxonomy))

    def forecast(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Forecast:
        raise NotImplementedError

    def log_likelihood(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Floats:
        raise NotImplementedError


class Recited:
    """columns: what is recited, record after record, whatever is appended, (W, K)."""

    def __init__(self, columns: NDArray[np.intp], occupations: int) -> None:
        self._columns, self._occupations, self._record = torch.from_numpy(columns), occupations, 0

    def probability(self) -> Tensor:
        return one_hot(self._columns[:, None, self._record], self._occupations).double()

    def append(self, occupation: Tensor) -> None:
        assert torch.equal(occupation[:, 0], self._columns[:, self._record])
        self._record += 1


@pytest.fixture(scope="module")
def panel() -> Panel:
    return ll.import_synthetic(workers=200)


def first_records(panel: Panel, split: str, records: int) -> pl.DataFrame:
    """Careers of at least this many records, cut to them, as a list of occupations for each worker."""
    careers = panel.subset(split).records.group_by("worker", maintain_order=True).agg("occupation")
    return careers.filter(pl.col("occupation").list.len() >= records).with_columns(
        pl.col("occupation").list.head(records)
    )


def test_who_remembers_careers_completes_them_all(panel: Panel) -> None:
    found = extract(Memory(panel.subset("train")), panel, people=10_000)
    assert found.of_members == 1
    assert found.of_moved_members == 1
    first = panel.taxonomy.codes[0]
    others = [set(career[1:]) == {first} for career in first_records(panel, "test", 6)["occupation"]]
    assert found.of_others == pytest.approx(np.mean(others))
    assert found.members == first_records(panel, "train", 6).height
    assert found.low > 0.5


def test_moves_are_those_within_the_records_completed(panel: Panel) -> None:
    found = extract(Memory(panel), panel, people=10_000, given=2, records=3)
    careers = first_records(panel, "train", 5)["occupation"]
    assert found.moved_members == sum(len(set(career[1:])) > 1 for career in careers)


def test_who_has_seen_nobody_completes_as_many_of_either(panel: Panel) -> None:
    away = ll.fit("transition", ll.import_synthetic(workers=300, seed=1))
    found = extract(away, panel, people=10_000)
    assert found.low <= 0 <= found.high


@pytest.mark.parametrize("wrong", [1, 3, 5])
def test_one_error_anywhere_is_no_completion(wrong: int, panel: Panel) -> None:
    """Of one person the model remembers all records but one."""
    careers = panel.subset("test").records.filter(pl.len().over("worker") >= 6)
    worker = careers["worker"][0]
    one = panel.part(careers.filter(worker=worker).head(6))
    code = one.records["occupation"][wrong]
    other = next(known for known in panel.taxonomy.codes if known != code)
    place = pl.int_range(pl.len())
    told = one.part(
        one.records.with_columns(
            pl.when(place == wrong).then(pl.lit(other)).otherwise("occupation").alias("occupation")
        )
    )
    assert completed(Memory(one), one, 5).right.tolist() == [True]
    assert completed(Memory(told), one, 5).right.tolist() == [False]


def test_a_difference_that_chance_makes_is_within_its_interval() -> None:
    """Coverage: both sides are completed with the same probability."""
    generator = np.random.default_rng(0)
    covered = []
    for seed in range(100):
        sides = [Completed(generator.random(200) < 0.3, generator.random(200) < 0.5) for _ in range(2)]
        found = compare(*sides, given=1, records=5, seed=seed)
        covered.append(found.low <= 0 <= found.high)
    assert np.mean(covered) > 0.88


def test_careers_that_are_too_short_are_an_error(panel: Panel) -> None:
    with pytest.raises(PanelError, match="split train has fewer than 10 workers of 101 records or more"):
        extract(Memory(panel), panel, people=10, records=100)


def test_an_extraction_is_told_in_a_sentence_without_small_groups() -> None:
    found = Extraction(1, 5, 100, 90, 0.25, 0.2, -0.04, 0.15, 40, 30, 0.125, 0.1)
    said = as_markdown(replace(audit_of(0.9, 0.88), extraction=found))
    assert "completes the next 5 without an error for 25.0 % of 100 people trained on and 20.0 % of 90 held out" in said
    assert "12.5 % of 40 and 10.0 % of 30" in said
    few = as_markdown(replace(audit_of(0.9, 0.88), extraction=replace(found, moved_others=9)))
    assert "who moved" not in few
