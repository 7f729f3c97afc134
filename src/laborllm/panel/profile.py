"""How the records of a panel spread over years, ages and groups of occupations: the numbers that its page draws.

Cells with fewer than ten workers are left out. No table holds what it would take to work them out from the others.
Careers are counted some at a time, so that memory grows with cells.
"""

from collections.abc import Sequence

import polars as pl

from laborllm.occupations import Taxonomy
from laborllm.panel.files.store import Careers
from laborllm.panel.panel import ROWS_TOGETHER, Panel
from laborllm.panel.summary import withheld_codes
from laborllm.privacy import CellTable

EMPLOYED = "Employed"
_SHARE = (pl.col("records") / pl.col("of")).alias("share")


def records_by_year(careers: Careers) -> pl.DataFrame:
    """Count the records and workers of each activity by year: columns year, activity, workers, records.

    An activity is being employed, or a state.
    """
    shown = _table(careers, [], ["state"], ["year", "activity"]).shown()
    return _without_withheld(careers, shown, "activity").sort("year", "activity")


def states_by_age(careers: Careers) -> pl.DataFrame:
    """The share of the records at each age that are in each state: columns age, state, workers, share.

    Age is the year less the year of birth; records without one are left out.
    """
    table = _table(careers, [], ["state"], ["age"], ["age", "state"], known="age")
    shown = _without_withheld(careers, table.shown(), "state")
    of_age = table.records(2).rename({"records": "of"})
    return shown.join(of_age, on="age").select("age", "state", "workers", _SHARE).sort("age", "state")


def group_transitions(careers: Careers) -> pl.DataFrame:
    """group, next_group, workers, share: of the records that follow one in `group`, those in each group.

    A group is the taxonomy's group of an occupation, or a state. The next record may be more than a year later.
    """
    table = _table(careers, [], ["group"], ["group", "next_group"], known="next_group")
    of_group = table.records(1).rename({"records": "of"})
    shown = table.shown().join(of_group, on="group").select("group", "next_group", "workers", _SHARE)
    place = {name: at for at, name in enumerate(dict.fromkeys(_group_of(careers.taxonomy).values()))}
    return shown.sort(pl.col("group", "next_group").replace_strict(place, return_dtype=pl.Int64))


def _table(careers: Careers, *partitions: Sequence[str], known: str | None = None) -> CellTable:
    """The table of partitions, of the observed records for which the column `known` is."""
    table = CellTable(partitions)
    for portion in careers.portions(ROWS_TOGETHER):
        records = _described(portion)
        table.add(records if known is None else records.drop_nulls(known))
    return table


def _described(panel: Panel) -> pl.DataFrame:
    """The observed records with activity, state, age, group and the group of the worker's next record."""
    titles = {state: panel.taxonomy.title(state) for state in panel.taxonomy.states}
    state = pl.col("occupation").replace_strict(titles, default=None, return_dtype=pl.String)
    group = pl.col("occupation").replace_strict(_group_of(panel.taxonomy), return_dtype=pl.String)
    observed = panel.records.filter(pl.col("occupation").is_not_null())
    return observed.select(
        "worker",
        "year",
        state.alias("state"),
        state.fill_null(EMPLOYED).alias("activity"),
        (pl.col("year") - pl.col("birth_year")).alias("age"),
        group.alias("group"),
        group.shift(-1).over("worker").alias("next_group"),
    )


def _without_withheld(careers: Careers, table: pl.DataFrame, column: str) -> pl.DataFrame:
    """The rows of a table without those of states whose totals are withheld."""
    states = careers.taxonomy.states
    titles = [careers.taxonomy.title(code) for code in withheld_codes(careers) if code in states]
    return table.filter(~pl.col(column).is_in(titles))


def _group_of(taxonomy: Taxonomy) -> dict[str, str]:
    """Code -> the group of an occupation, or the title of a state."""
    groups = dict(zip(taxonomy.codes, taxonomy.groups, strict=True))
    return groups | {state: taxonomy.title(state) for state in taxonomy.states}
