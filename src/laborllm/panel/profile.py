"""How the records of a panel spread over years, ages and groups of occupations: the numbers that its page draws.

Cells with fewer than ten workers are left out. No table holds what it would take to work them out from the others.
"""

import polars as pl

from laborllm.panel.panel import Panel
from laborllm.privacy import SMALLEST_CELL, withhold_counts

EMPLOYED = "Employed"


def records_by_year(panel: Panel) -> pl.DataFrame:
    """year, activity (employed or a state), workers, records."""
    counts = _count(_with_activity(panel), "year", "activity")
    return withhold_counts(counts, within=["activity"]).sort("year", "activity")


def states_by_age(panel: Panel) -> pl.DataFrame:
    """age, state, workers, share: of the records of workers at that age, those in each state.

    Age is the year less the year of birth; records without one are left out.
    """
    records = _with_activity(panel).with_columns(age=pl.col("year") - pl.col("birth_year")).drop_nulls("age")
    counts = _with_share(_count(records, "age", "activity"), of="age").rename({"activity": "state"})
    states = counts.filter(pl.col("state") != EMPLOYED, pl.col("workers") >= SMALLEST_CELL)
    return states.select("age", "state", "workers", "share").sort("age", "state")


def group_transitions(panel: Panel) -> pl.DataFrame:
    """group, next_group, workers, share: of the records that follow one in `group`, those in each group.

    A group is the taxonomy's group of an occupation, or a state. The next record may be more than a year later.
    """
    group = pl.col("occupation").replace_strict(_group_of(panel)).alias("group")
    records = _observed(panel).with_columns(group)
    following = records.with_columns(next_group=pl.col("group").shift(-1).over("worker")).drop_nulls("next_group")
    counts = _with_share(_count(following, "group", "next_group"), of="group")
    shown = withhold_counts(counts, within=["group"]).select("group", "next_group", "workers", "share")
    place = {name: at for at, name in enumerate(dict.fromkeys(_group_of(panel).values()))}
    return shown.sort(pl.col("group", "next_group").replace_strict(place, return_dtype=pl.Int64))


def _with_activity(panel: Panel) -> pl.DataFrame:
    titles = {state: panel.taxonomy.title(state) for state in panel.taxonomy.states}
    activity = pl.col("occupation").replace_strict(titles, default=EMPLOYED, return_dtype=pl.String)
    return _observed(panel).with_columns(activity=activity)


def _observed(panel: Panel) -> pl.DataFrame:
    return panel.records.filter(pl.col("occupation").is_not_null())


def _group_of(panel: Panel) -> dict[str, str]:
    """Code -> the group of an occupation, or the title of a state."""
    taxonomy = panel.taxonomy
    groups = dict(zip(taxonomy.codes, taxonomy.groups, strict=True))
    return groups | {state: taxonomy.title(state) for state in taxonomy.states}


def _count(records: pl.DataFrame, *keys: str) -> pl.DataFrame:
    """The keys, workers and records of each cell."""
    return records.group_by(keys).agg(pl.col("worker").n_unique().alias("workers"), pl.len().alias("records"))


def _with_share(cells: pl.DataFrame, of: str) -> pl.DataFrame:
    return cells.with_columns(share=pl.col("records") / pl.col("records").sum().over(of))
