"""Invented careers: made of frequent occupations, forecast a year ahead, and nobody's own."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from evaluation.synthetic import TAXONOMY, careers
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.models.forecasts.forecast import Floats, Forecast
from laborllm.panel import Panel
from laborllm.report.examples import example_section, invented_careers


@dataclass(frozen=True)
class Descending:
    """The same forecast for every record: each occupation half as probable as the one before it."""

    def forecast(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Forecast:
        weight = 0.5 ** np.arange(len(panel.taxonomy))
        log_prob = np.tile(np.log(weight / weight.sum()), (len(panel), 1))
        records = panel.records.select("worker", "year", "occupation")
        return Forecast(records, panel.taxonomy, log_prob, np.ones(len(panel)), "halves")

    def log_likelihood(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Floats:
        raise NotImplementedError


def test_careers_are_of_frequent_occupations_and_end_where_careers_end() -> None:
    panel = careers(300)
    invented = invented_careers(panel)
    assert invented is not None
    assert invented.workers == 3
    counts = panel.records.group_by("occupation").agg(pl.col("worker").n_unique())
    frequent = set(counts.filter(pl.col("worker") >= 10)["occupation"])
    assert set(invented.records["occupation"]) <= frequent
    most = counts.filter(~pl.col("occupation").is_in(TAXONOMY.states)).sort("worker", descending=True)["occupation"][0]
    assert set(invented.records.filter(worker="invented 1")["occupation"]) == {most}
    assert not set(invented.records["worker"]) & set(panel.records["worker"])


def test_a_table_per_career_names_the_five_most_probable_occupations() -> None:
    panel = careers(300)
    section = example_section({"halves": Descending(), "again": Descending()}, panel)
    assert section is not None
    assert len(section.tables) == 3
    for table in section.tables:
        assert table.title.startswith("Invented: ")
        assert table.header[1:] == ("halves", "again")
        assert [row[0] for row in table.rows] == [*TAXONOMY.titles[:5], "any other"]
        assert table.rows[0][1] == "50.0 %"


def test_there_are_none_where_too_few_occupations_are_frequent() -> None:
    assert example_section({"halves": Descending()}, careers(6)) is None
