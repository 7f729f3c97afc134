"""Whoever reads all that a verb publishes of a panel, page and files together, cannot work out a cell that is withheld.

The attack knows how every number is made, and which cells there could be. With one unknown for each record (or worker),
each published number is a linear equation; a small cell is found if its own sum follows from the equations.
"""

import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import laborllm as ll
from cli.commands import laborllm
from laborllm.panel import Panel
from laborllm.privacy import SMALLEST_CELL

Families = dict[str, list[object]]  # name of a partition -> the cell of each record, None where it is in none
Shown = set[tuple[str, object]]  # a partition and one of its cells


@pytest.fixture(scope="module")
def panel() -> Panel:
    return ll.import_synthetic(workers=200)


@pytest.fixture(scope="module")
def folder(panel: Panel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What describe, evaluate and backtest write."""
    folder = tmp_path_factory.mktemp("outputs")
    panel.save(folder / "panel")
    ll.fit("transition", panel, out=folder / "run")
    commands = {
        "describe": f"describe {folder}/panel --out {folder}/describe.html --json",
        "evaluate": f"evaluate {folder}/run {folder}/panel --by transition origin destination gender education "
        f"--out {folder}/evaluate.html --tables {folder}/tables --draws 40 --json",
        "backtest": f"backtest {folder}/run {folder}/panel --origins 2007 2009 --horizon 2 --draws 10 --split train "
        f"--page {folder}/backtest.html --out {folder}/scores.csv --rates {folder}/rates.csv",
    }
    for name, command in commands.items():
        with redirect_stdout(StringIO()) as printed:
            assert laborllm(command) == 0
        (folder / f"{name}.json").write_text(printed.getvalue())
    return folder


class _Tables(HTMLParser):
    """The cells of every table of a page, row by row."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self._in_cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._in_cell = tag in ("td", "th")
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif self._in_cell:
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.tables[-1][-1][-1] += data


def tables_of(page: Path) -> dict[tuple[str, ...], list[list[str]]]:
    """Rows by the header of their table."""
    return {tuple(rows[0]): rows[1:] for rows in _Tables(page.read_text()).tables}


def attack(records: Families, worker: list[object], shown: Shown) -> Shown:
    """The small cells that are shown, or whose records (or workers) follow from those of the cells shown."""
    columns = {
        (name, cell): np.array([each == cell for each in cells])
        for name, cells in records.items()
        for cell in set(cells) - {None}
    }
    assert shown <= set(columns), f"cells that there are not: {shown - set(columns)}"
    _, number = np.unique(np.array(worker, dtype=str), return_inverse=True)
    people = {cell: np.bincount(number, mask) > 0 for cell, mask in columns.items()}
    small = [cell for cell, members in people.items() if members.sum() < SMALLEST_CELL]
    found = set(small) & shown
    for vectors in (columns, people):
        known = np.stack([vectors[cell] for cell in sorted(shown, key=str)], axis=1).astype(float)
        basis, sizes, _ = np.linalg.svd(known, full_matrices=False)
        basis = basis[:, sizes > 1e-9 * sizes[0]]
        wanted = np.stack([vectors[cell] for cell in small], axis=1).astype(float)
        rest = wanted - basis @ (basis.T @ wanted)
        found |= {cell for cell, left in zip(small, (rest**2).sum(axis=0), strict=True) if left < 1e-6}
    return found


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


def cells_of(records: pl.DataFrame, *names: str) -> list[object]:
    return [None if None in row else row for row in records.select(names).iter_rows()]


def test_describe(panel: Panel, folder: Path) -> None:
    records = observed(panel)
    following = pl.when(pl.col("next_group").is_not_null()).then("group").alias("followed")
    records = records.with_columns(following)
    told = json.loads((folder / "describe.json").read_text())
    names = [row["covariate"] for row in told["covariates"]]
    families: Families = {
        "all": [()] * records.height,
        **{name: cells_of(records, name) for name in ("occupation", "age", "split", "followed")},
        "year": cells_of(records, "year", "activity"),
        "state by age": cells_of(records, "age", "activity"),
        "transition": cells_of(records, "followed", "next_group"),
        **{f"{name} known": [(value is not None,) for value in records[name]] for name in names},
    }
    page = tables_of(folder / "describe.html")
    by_age = page["age", "state", "workers", "share"]
    flows = page["group", "next group", "workers", "share"]
    shown: Shown = {("all", ())}
    shown |= {("occupation", (row["code"],)) for row in told["states"] + told["occupations"]}
    shown |= {("split", (row["split"],)) for row in told["splits"] if row["workers"]}
    shown |= {("year", (int(year), activity)) for year, activity, *_ in page["year", "activity", "workers", "records"]}
    shown |= {("age", (int(age),)) for age, *_ in by_age}  # a share tells what it is of
    shown |= {("state by age", (int(age), state)) for age, state, *_ in by_age}
    shown |= {("followed", (group,)) for group, *_ in flows} | {("transition", (one, two)) for one, two, *_ in flows}
    known = {row["covariate"] for row in told["covariates"] if row["known"] is not None}
    shown |= {cell for name in known for cell in _both(families, f"{name} known")}
    assert len(shown) > 50
    assert attack(families, records["worker"].to_list(), shown) == set()


def _both(families: Families, name: str) -> Iterator[tuple[str, object]]:
    return ((name, cell) for cell in set(families[name]))


def test_evaluate(panel: Panel, folder: Path) -> None:
    records = observed(panel).filter(pl.col("split") == "test")
    names = ("transition", "origin", "destination", "gender", "education")
    moved = records.with_columns(pl.when(pl.col("transition") != "first").then("origin"))
    filled = records.with_columns(pl.col("education").fill_null("unknown"))
    families: Families = {
        "all": [("all",)] * records.height,
        **{name: cells_of(filled, name) for name in names},
        "flow": cells_of(moved, "origin", "destination"),
    }
    told = json.loads((folder / "evaluate.json").read_text())
    counted = told["estimates"] + pl.read_csv(folder / "tables" / "estimates.csv").to_dicts()
    numbers = ("records", "workers", "estimate")
    shown: Shown = {
        (row["group"], (row["level"],)) for row in counted if any(row[name] is not None for name in numbers)
    }
    shown |= {("flow", (row["origin"], row["destination"])) for row in told["flows"] if row["workers"]}
    page = tables_of(folder / "evaluate.html")
    kinds = page["records of kind", "records", "workers"]
    shown |= {("all" if kind == "all" else "transition", (kind,)) for kind, count, _ in kinds if count[0].isdigit()}
    assert len(shown) > 10
    assert attack(families, records["worker"].to_list(), shown) == set()


def test_backtest(panel: Panel, folder: Path) -> None:
    """One unknown for each worker seen at each horizon; the constant state repeats where workers were at the origin."""
    rates, scores = pl.read_csv(folder / "rates.csv"), pl.read_csv(folder / "scores.csv")
    assert scores.drop_nulls("estimate")["workers"].min() >= SMALLEST_CELL  # type: ignore[operator]
    assert rates["people"].null_count()
    records = observed(panel).filter(pl.col("split") == "train")
    for part in rates.partition_by("origin", "horizon"):
        origin, horizon = part.row(0)[1:3]
        before = records.filter(pl.col("year") <= origin).group_by("worker").last()
        after = records.filter(pl.col("year") == origin + horizon)
        people = after.join(before.select("worker", last="destination"), on="worker")
        born = pl.lit(origin) - pl.col("birth_year")
        names = ["under 25", "25 to 34", "35 to 44", "45 to 54", "55 and over"]
        bound = pl.sum_horizontal(born >= start for start in (25, 35, 45, 55))
        people = people.with_columns(age=bound.replace_strict(dict(enumerate(names))))
        families: Families = {name: cells_of(people, "age", name) for name in ("destination", "last")}
        families["age"] = cells_of(people, "age")
        told = part.drop_nulls("observed")
        shown: Shown = {("age", (age,)) for age in told["age"]}
        for row in told.iter_rows(named=True):
            place = (row["age"], row["group"])
            shown |= {("destination", place)} if row["observed"] else set()
            shown |= {("last", place)} if row["model"] == "constant state" and row["expected"] else set()
        if shown:
            assert attack(families, people["worker"].to_list(), shown) == set()


def test_the_attack_finds_what_is_not_protected() -> None:
    cells: Families = {"all": [()] * 40, "kind": [("few",) if worker < 3 else ("many",) for worker in range(40)]}
    workers: list[object] = [*range(40)]
    assert attack(cells, workers, {("all", ()), ("kind", ("many",))}) == {("kind", ("few",))}
    assert attack(cells, workers, {("all", ())}) == set()
