"""How the records of a panel spread over years, ages and groups of occupations: the numbers that its page draws.

Cells with fewer than ten workers are left out. No table holds what it would take to work them out from the others.
"""

import polars as pl

from laborllm.panel.panel import Panel
from laborllm.panel.summary import withheld_codes
from laborllm.privacy import withhold_cells

EMPLOYED = "Employed"
_TRANSITION = ("group", "next_group")
_SHARE = (pl.col("records") / pl.col("of")).alias("share")


def records_by_year(panel: Panel) -> pl.DataFrame:
    """year, activity (employed or a state), workers, records."""
    records = _with_activity(panel)
    shown = records.filter(~withhold_cells(records, [], ["state"], ["year", "activity"]))
    return _count(_of_shown(panel, shown), "year", "activity").sort("year", "activity")


def states_by_age(panel: Panel) -> pl.DataFrame:
    """age, state, workers, share: of the records of workers at that age, those in each state.

    Age is the year less the year of birth; records without one are left out.
    """
    records = _with_activity(panel).with_columns(age=pl.col("year") - pl.col("birth_year")).drop_nulls("age")
    hidden = withhold_cells(records, [], ["state"], ["age"], ["age", "state"])
    size = pl.len().over("age").alias("of")
    shown = records.with_columns(size).filter(~hidden).drop_nulls("state")
    return (
        _count(_of_shown(panel, shown), "age", "state", "of")
        .select("age", "state", "workers", _SHARE)
        .sort("age", "state")
    )


def group_transitions(panel: Panel) -> pl.DataFrame:
    """group, next_group, workers, share: of the records that follow one in `group`, those in each group.

    A group is the taxonomy's group of an occupation, or a state. The next record may be more than a year later.
    """
    group = pl.col("occupation").replace_strict(_group_of(panel)).alias("group")
    records = _observed(panel).with_columns(group)
    following = records.with_columns(next_group=pl.col("group").shift(-1).over("worker")).drop_nulls("next_group")
    hidden = withhold_cells(following, [], ["group"], ["group", "next_group"])
    cells = _count(following.with_columns(pl.len().over("group").alias("of")).filter(~hidden), *_TRANSITION, "of")
    shown = cells.select(*_TRANSITION, "workers", _SHARE)
    place = {name: at for at, name in enumerate(dict.fromkeys(_group_of(panel).values()))}
    return shown.sort(pl.col("group", "next_group").replace_strict(place, return_dtype=pl.Int64))


def _with_activity(panel: Panel) -> pl.DataFrame:
    titles = {state: panel.taxonomy.title(state) for state in panel.taxonomy.states}
    state = pl.col("occupation").replace_strict(titles, default=None, return_dtype=pl.String)
    return _observed(panel).with_columns(state=state, activity=state.fill_null(EMPLOYED))


def _of_shown(panel: Panel, records: pl.DataFrame) -> pl.DataFrame:
    """The records without those of states whose totals are withheld."""
    hidden = [code for code in withheld_codes(panel) if code in panel.taxonomy.states]
    return records.filter(~pl.col("occupation").is_in(hidden))


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
