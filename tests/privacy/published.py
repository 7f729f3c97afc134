"""What each verb shows of a panel, in its page, tables, JSON and on the terminal, as an attacker reads it."""

import csv
import json
import re
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl

from laborllm.panel import Panel
from laborllm.report.numbers import MISSING
from laborllm.report.table import LATEX
from laborllm.studies.questions.forecasts import gains, structural_change, two_years
from privacy.attack import Cell, Publication
from privacy.planted import tables_of

GROUPS = ("transition", "origin", "destination", "gender", "education")
NUMBERS = ("records", "workers", "estimate")
AGES = ("under 25", "25 to 34", "35 to 44", "45 to 54", "55 and over")


def observed(panel: Panel) -> pl.DataFrame:
    """Records with their state or employment, age, groups of occupations, and what comes before and after."""
    taxonomy = panel.taxonomy
    titles = {state: taxonomy.title(state) for state in taxonomy.states}
    groups = dict(zip(taxonomy.codes, taxonomy.groups, strict=True))
    before = pl.col("occupation").shift().over("worker")
    return panel.records.with_columns(
        activity=pl.col("occupation").replace_strict(titles, default="Employed"),
        age=pl.col("year") - pl.col("birth_year"),
        group=pl.col("occupation").replace_strict(groups | titles),
        destination=pl.col("occupation").replace_strict(groups),
        origin=before.replace_strict(groups, default="first record"),
        transition=pl.when(before.is_null())
        .then(pl.lit("first"))
        .when(before == pl.col("occupation"))
        .then(pl.lit("stay"))
        .otherwise(pl.lit("move")),
    ).with_columns(next_group=pl.col("group").shift(-1).over("worker"))


def cells_of(records: pl.DataFrame, *names: str) -> list[Hashable]:
    """The cell of each record that the values of columns name; None where one is missing."""
    return [None if None in row else row for row in records.select(names).iter_rows()]


def describe(panel: Panel, folder: Path) -> Publication:
    """The page describe.html and what `describe --json` prints, in describe.json."""
    records = observed(panel)
    records = records.with_columns(pl.when(pl.col("next_group").is_not_null()).then("group").alias("followed"))
    told = json.loads((folder / "describe.json").read_text())
    names = [row["covariate"] for row in told["covariates"]]
    partitions: dict[str, list[Hashable]] = {
        "all": [()] * records.height,
        **{name: cells_of(records, name) for name in ("occupation", "age", "split", "followed")},
        "year": cells_of(records, "year", "activity"),
        "state by age": cells_of(records, "age", "activity"),
        "transition": cells_of(records, "followed", "next_group"),
        **{f"{name} known": [(value is not None,) for value in records[name]] for name in names},
    }
    page = tables_of((folder / "describe.html").read_text())
    by_age = page["age", "state", "workers", "share"]
    flows = page["group", "next group", "workers", "share"]
    shown: set[Cell] = {("all", ())}
    shown |= {("occupation", (row["code"],)) for row in told["states"] + told["occupations"]}
    shown |= {("split", (row["split"],)) for row in told["splits"] if row["workers"]}
    shown |= {("year", (int(year), activity)) for year, activity, *_ in page["year", "activity", "workers", "records"]}
    shown |= {("age", (int(age),)) for age, *_ in by_age}  # a share tells what it is of
    shown |= {("state by age", (int(age), state)) for age, state, *_ in by_age}
    shown |= {("followed", (group,)) for group, *_ in flows} | {("transition", (one, two)) for one, two, *_ in flows}
    known = {row["covariate"] for row in told["covariates"] if row["known"] is not None}
    shown |= {(f"{name} known", cell) for name in known for cell in set(partitions[f"{name} known"])}
    return Publication(partitions, records["worker"].to_list(), shown)


def rows_of_the_source(panel: Panel, folder: Path) -> Publication:
    """What describe.json says of the rows of the source, a row counted as a worker."""
    read, *reasons, kept = panel.provenance.row_counts
    cells = [name for name, rows in (*reasons, kept) for _ in range(abs(rows))]
    told = dict(json.loads((folder / "describe.json").read_text())["row_counts"])
    shown: set[Cell] = {("reason", name) for name, rows in (*reasons, kept) if told[name] is not None and rows}
    shown |= {("read", read[0])} if told[read[0]] is not None else set()
    return Publication({"read": [read[0]] * len(cells), "reason": list(cells)}, range(len(cells)), shown)


def evaluate(panel: Panel, folder: Path) -> Publication:
    """The page evaluate.html, the folder tables, and what `evaluate --json` prints, in evaluate.json."""
    records = observed(panel).filter(pl.col("split") == "test")
    filled = records.with_columns(pl.col("education").fill_null("unknown"))
    moved = records.with_columns(pl.when(pl.col("transition") != "first").then("origin"))
    partitions: dict[str, list[Hashable]] = {
        "all": [("all",)] * records.height,
        **{name: cells_of(filled, name) for name in GROUPS},
        "flow": cells_of(moved, "origin", "destination"),
    }
    told = json.loads((folder / "evaluate.json").read_text())
    tables = [told["estimates"], told["comparisons"]]
    for name in ("estimates", "comparisons"):
        tables.append(pl.read_csv(folder / "tables" / f"{name}.csv").to_dicts())
        tables.append(_of_stata(folder / "tables" / f"{name}.dta"))
    rows = (row for table in tables for row in table)
    shown: set[Cell] = {
        (row["group"], (row["level"],)) for row in rows if any(row[name] is not None for name in NUMBERS)
    }
    shown |= {("flow", (row["origin"], row["destination"])) for row in told["flows"] if row["workers"]}
    page = tables_of((folder / "evaluate.html").read_text())
    kinds = page["records of kind", "records", "workers"]
    kinds += _latex_rows(folder / "tables" / "sample.tex")
    shown |= {("all" if kind == "all" else "transition", (kind,)) for kind, *numbers in kinds if _has_number(numbers)}
    for group in GROUPS:
        levels = {str(cell[0]).translate(LATEX): cell for cell in set(partitions[group])}  # type: ignore[index]
        latex = _latex_rows(folder / "tables" / f"by-{group}.tex")
        shown |= {(group, levels[level]) for level, *numbers in latex if _has_number(numbers)}
    return Publication(partitions, records["worker"].to_list(), shown)


def _of_stata(path: Path) -> list[dict[str, Any]]:
    return [
        {name: None if pd.isna(value) else value for name, value in row.items()}
        for row in pd.read_stata(path).to_dict("records")
    ]


def _latex_rows(path: Path) -> list[list[str]]:
    """The rows of a LaTeX table without its header."""
    if not path.exists():
        return []
    body = path.read_text().split(r"\midrule")[1].split(r"\bottomrule")[0]
    return [line.removesuffix(r" \\").split(" & ") for line in body.strip().splitlines()]


def _has_number(cells: list[str]) -> bool:
    return any(re.search(r"\d", cell) for cell in cells)


def backtest(panel: Panel, folder: Path) -> Iterator[Publication]:
    """The tables rates.csv and scores.csv: one publication for the people seen in each year, one for scores."""
    rates, scores = pl.read_csv(folder / "rates.csv"), pl.read_csv(folder / "scores.csv")
    records = observed(panel).filter(pl.col("split") == "train")
    seen = []
    for part in rates.partition_by("origin", "horizon"):
        origin, horizon = part.row(0)[1:3]
        before = records.filter(pl.col("year") <= origin).group_by("worker").last()
        after = records.filter(pl.col("year") == origin + horizon)
        people = after.join(before.select("worker", last="destination"), on="worker")
        bound = pl.sum_horizontal(pl.lit(origin) - pl.col("birth_year") >= start for start in (25, 35, 45, 55))
        people = people.with_columns(age=bound.replace_strict(dict(enumerate(AGES))))
        seen.append(people.select("worker", origin=pl.lit(origin), horizon=pl.lit(horizon)))
        partitions = {name: cells_of(people, "age", name) for name in ("destination", "last")}
        partitions["age"] = cells_of(people, "age")
        told = part.drop_nulls("observed")
        shown: set[Cell] = {("age", (age,)) for age in told["age"]}
        for row in told.iter_rows(named=True):  # the constant state repeats where workers were at the origin
            place = (row["age"], row["group"])
            shown |= {("destination", place)} if row["observed"] else set()
            shown |= {("last", place)} if row["model"] == "constant state" and row["expected"] else set()
        yield Publication(partitions, people["worker"].to_list(), shown)
    yield _of_scores(pl.concat(seen), scores)


def _of_scores(seen: pl.DataFrame, scores: pl.DataFrame) -> Publication:
    """Who is seen in each year ahead, and at which origins in every one."""
    years = pl.len().over("worker", "origin") == pl.col("horizon").n_unique().over("origin")
    people = seen.with_columns(whole=pl.when(years).then(pl.lit("every year")))
    partitions = {"horizon": cells_of(people, "horizon"), "whole": cells_of(people, "whole")}
    told = scores.drop_nulls("estimate")["horizon"].unique()
    shown: set[Cell] = {("horizon", (horizon,)) if horizon else ("whole", ("every year",)) for horizon in told}
    return Publication(partitions, people["worker"].to_list(), shown)


def group(panel: Panel, folder: Path) -> Publication:
    """The table group.csv, the page group.html of all people, and the lines printed, in group.json."""
    people = panel.records.group_by("worker", maintain_order=True).agg(pl.col("education").drop_nulls().last())
    level = people["education"].fill_null("unknown").to_list()
    told = {*pl.read_csv(folder / "group.csv", columns=["group"])["group"]}
    printed = (folder / "group.json").read_text().splitlines()
    shown: set[Cell] = {("all", ())}
    shown |= {("education", at) for at in set(level) if at in told or any(at in line for line in printed)}
    return Publication({"all": [()] * len(level), "education": list(level)}, people["worker"].to_list(), shown)


def card(panel: Panel, folder: Path) -> Publication:
    """The card of a run folder, in which the audit and its page are as well: sizes of splits."""
    text = (folder / "run" / "README.md").read_text() + (folder / "audit.html").read_text()
    shown: set[Cell] = set()
    for split in ("train", "valid", "test"):
        size = panel.subset(split).workers
        shown |= {("split", (split,))} if re.search(rf"\b{size}\b", text) else set()
    return Publication({"split": cells_of(panel.records, "split")}, panel.records["worker"].to_list(), shown)


def study(panel: Panel, name: str, folder: Path) -> Publication:
    """What the report of a study says of the held-out records of one panel, in the tables of questions 7 and 11."""
    records = observed(panel).filter(pl.col("split") == "test")
    groups = records.with_columns(pl.col("age") // 10 * 10)
    partitions: dict[str, list[Hashable]] = {
        "all": [()] * records.height,
        **{group: cells_of(groups, group) for group in ("gender", "ethnicity", "education", "region", "age")},
    }
    for cells in gains.cells_of(panel, panel.subset("test").observed()):
        partitions |= {label: [(bool(inside),) for inside in cell] for label, cell in cells.items()}
    shown: set[Cell] = {("all", ())}
    shown |= {(row[0], (True,)) for row in _rows(folder, f"11-gains-{name}") if row[0] in partitions}
    for group, level, workers, *_ in _rows(folder, f"07-subgroups-{name}-groups"):
        if group in partitions and workers != MISSING:
            shown.add((group, (int(level.removesuffix("s")) if group == "age" else level,)))
    return Publication(partitions, records["worker"].to_list(), shown)


def two_years_ahead(panel: Panel, name: str, folder: Path, workers: int | None) -> Publication:
    """Question 8 of a study: which of the workers asked about have records two years apart."""
    asked = sorted(set(panel.draw("test", workers, seed=0).records["worker"]))
    pairs = two_years.pairs_of(panel, workers)
    paired = set() if pairs is None else set(pairs.direct.records["worker"])
    shown: set[Cell] = {("all", ())}
    for row in _rows(folder, "08-two-years-two-years"):
        shown |= {("paired", True)} if row[0] == name and row[1] != MISSING else set()
    return Publication({"all": [()] * len(asked), "paired": [worker in paired for worker in asked]}, asked, shown)


def _rows(folder: Path, name: str) -> list[list[str]]:
    with (folder / "tables" / f"{name}.csv").open() as file:
        return list(csv.reader(file))[1:]


def ageing(panel: Panel, name: str, folder: Path) -> Publication:
    """Question 9 of a study: held-out records after each year that models have learnt from until then."""
    learnt = panel.subset("train").records["year"]
    years = {int(learnt.quantile(cut, "nearest") or 0) for cut in structural_change.CUTS}
    records = panel.subset("test").observed().records
    after = pl.concat([records.filter(pl.col("year") > year).with_columns(until=year) for year in years])
    distance = after["year"] - after["until"]
    bound = distance.cut([2, 4, 8], labels=["1 to 2", "3 to 4", "5 to 8", "9 or more"]).cast(pl.String)
    recession = after["year"].is_in(structural_change.RECESSIONS)
    kind = ["recession years" if value else "other years" for value in recession]
    shown: set[Cell] = {
        ("distance" if label in set(bound) else "kind", label)
        for label, number, *_ in _rows(folder, f"09-structural-change-{name}")
        if number != MISSING
    }
    return Publication({"distance": bound.to_list(), "kind": list(kind)}, after["worker"].to_list(), shown)


def evaluated(panel: Panel, told: dict[str, Any], split: str = "test") -> Publication:
    """What the JSON of an evaluation shows of the records of a split, by any columns and crossings of them."""
    records = observed(panel.observed())
    inside = (records["split"] == split).to_list()
    groups = dict.fromkeys(row["group"] for row in told["estimates"] if row["group"] != "all")
    partitions: dict[str, list[Hashable]] = {"all": [("all",) if each else None for each in inside]}
    for name in groups:
        parts = [records[part.strip()].cast(pl.String).fill_null("unknown") for part in name.split("*")]
        levels = zip(*parts, strict=True)
        partitions[name] = [(", ".join(level),) if each else None for level, each in zip(levels, inside, strict=True)]
    rows = [*told["estimates"], *told["comparisons"]]
    shown: set[Cell] = {
        (row["group"], (row["level"],)) for row in rows if any(row[name] is not None for name in NUMBERS)
    }
    return Publication(partitions, records["worker"].to_list(), shown)


def grouped(panel: Panel, column: str, csv_text: str) -> Publication:
    """What a table of `group` shows of the workers by the last value of a column, each counted at her last record."""
    records = panel.observed().records
    last = (records["worker"] != records["worker"].shift(-1)).fill_null(value=True)
    known = records.select(pl.col(column).cast(pl.String).forward_fill().over("worker").fill_null("unknown"))
    level = [(each,) if final else None for each, final in zip(known[column], last, strict=True)]
    told = {row["group"] for row in csv.DictReader(csv_text.splitlines())}
    shown: set[Cell] = {(column, (each,)) for each in told}
    return Publication({column: list(level)}, records["worker"].to_list(), shown)


def together(publications: dict[str, Publication]) -> Publication:
    """What several outputs show of the same records."""
    first = next(iter(publications.values()))
    assert all(list(each.worker) == list(first.worker) for each in publications.values())
    partitions = {
        f"{name}: {own}": column for name, each in publications.items() for own, column in each.partitions.items()
    }
    shown = {(f"{name}: {own}", cell) for name, each in publications.items() for own, cell in each.shown}
    return Publication(partitions, first.worker, shown)
