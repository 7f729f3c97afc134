"""Invented careers and what each model says of their next year: occupations by name, and no real person's."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from laborllm.models.contract import Forecaster
from laborllm.panel import Panel, Provenance
from laborllm.panel.schema import COVARIATES
from laborllm.privacy import SMALLEST_CELL
from laborllm.report.numbers import share
from laborllm.report.page import Section
from laborllm.report.table import Table

YEARS = 5  # of an invented career
TOP = 5  # most probable occupations shown


def example_section(models: Mapping[str, Forecaster], panel: Panel) -> Section | None:
    """A table per invented career: its five most probable next occupations by the first model, and what others say.

    Args:
        models: By name, the best first.
        panel: Whose frequent occupations, years and covariates the careers are made of.

    Returns:
        The section; None where too few occupations are frequent enough to invent careers of.
    """
    careers = invented_careers(panel)
    if careers is None:
        return None
    year = int(careers.records["year"].to_list()[-1]) + 1
    asked = careers.open(years=[year])
    last = np.flatnonzero(asked.records["occupation"].is_null())
    forecasts = {name: model.forecast(asked).log_prob[last].astype(np.float64) for name, model in models.items()}
    probability = {name: np.exp(log_prob) for name, log_prob in forecasts.items()}
    tables = [
        _table(career, [values[at] for values in probability.values()], tuple(probability), panel, year)
        for at, career in enumerate(careers.records.partition_by("worker", maintain_order=True))
    ]
    words = (
        "Nobody lived these careers: they are put together from the most frequent occupations. Each table has the most "
        "probable occupations of the year after, out of 100 people with such a career."
    )
    return Section("What the models say of invented careers", words, tables=tuple(tables))


def invented_careers(panel: Panel) -> Panel | None:
    """Three careers of five years each: staying, changing, and falling out of work or changing twice."""
    frequent = _frequent(panel)
    if len(frequent) < 3:
        return None
    one, two, three = frequent[:3]
    states = _frequent(panel, states=True)
    paths = [[one] * YEARS, [one] * 3 + [two] * 2, [three] * 4 + [states[0] if states else two]]
    latest = panel.records.drop_nulls("occupation").group_by("worker").last()
    end = int(np.median(latest["year"].to_numpy()))
    given = _covariates(latest)
    rows = [
        {"worker": f"invented {number}", "year": end - YEARS + 1 + at, "occupation": code, "split": "test", **given}
        for number, path in enumerate(paths, start=1)
        for at, code in enumerate(path)
    ]
    return Panel(pl.DataFrame(rows), panel.taxonomy, panel.dataset, Provenance("invented"))


def _frequent(panel: Panel, *, states: bool = False) -> list[str]:
    """Occupations, or states, by how many workers have them, of different groups first; those of few workers never."""
    known = panel.records.drop_nulls("occupation").group_by("occupation").agg(pl.col("worker").n_unique())
    enough = known.filter(pl.col("worker") >= SMALLEST_CELL).sort("worker", "occupation", descending=[True, False])
    wanted = [code for code in enough["occupation"] if (code in panel.taxonomy.states) == states]
    group = dict(zip(panel.taxonomy.codes, panel.taxonomy.groups, strict=True))
    by_group: dict[str, str] = {}
    for code in wanted:
        by_group.setdefault(group[code], code)
    first = list(by_group.values())
    return [*first, *(code for code in wanted if code not in first)]


def _covariates(latest: pl.DataFrame) -> dict[str, object]:
    """The most frequent value of each covariate in the last records; missing where it is nowhere known."""
    values = {name: latest[name].drop_nulls().mode().sort() for name in COVARIATES}
    return {name: value[0] if len(value) else None for name, value in values.items()}


def _table(
    career: pl.DataFrame, probability: Sequence[np.ndarray], models: Sequence[str], panel: Panel, year: int
) -> Table:
    titles = panel.taxonomy.titles
    most = np.argsort(-probability[0], kind="stable")[:TOP]
    rows = [(titles[at], *(share(float(values[at])) for values in probability)) for at in most]
    others = [share(float(1 - values[most].sum())) for values in probability]
    return Table(_in_words(career, panel), (f"occupation in {year}", *models), (*rows, ("any other", *others)))


def _in_words(career: pl.DataFrame, panel: Panel) -> str:
    """A career in words: who it is of, and its spells."""
    row = career.row(0, named=True)
    known = [str(row[name]) for name in ("gender", "education") if row[name] is not None]
    born = [f"born {row['birth_year']}"] if row["birth_year"] is not None else []
    spells = career.with_columns(spell=pl.col("occupation").rle_id()).group_by("spell", maintain_order=True)
    lines = [f"{_years(records['year'])} {panel.taxonomy.title(records['occupation'][0])}" for _, records in spells]
    return f"Invented: {', '.join([*known, *born])}{': ' if known or born else ''}{'; '.join(lines)}"


def _years(years: pl.Series) -> str:
    first, last = years[0], years[-1]
    return str(first) if first == last else f"{first} to {last}"
