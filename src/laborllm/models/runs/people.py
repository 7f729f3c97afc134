"""How many of the people that a model learnt from were ever in each occupation: what its forecasts rest on.

Multiples of five, from ten people on; what is smaller, or would tell a smaller number, is left out.
"""

from collections.abc import Mapping

import polars as pl

from laborllm.panel import Panel
from laborllm.privacy import round_counts, withhold_counts
from laborllm.privacy.outputs import Output, checked

OCCUPATION, GROUP = "occupation", "group"

People = dict[str, dict[str, int]]
"""Under "occupation" the people by code, under "group" those by group of the taxonomy."""


def count_people(training: Panel) -> People:
    """Count the workers with a record in each occupation or state, and in each group of them.

    Args:
        training: The careers that a model learns from.

    Returns:
        The counts that may be shown.

    Examples:
        >>> import laborllm as ll
        >>> found = count_people(ll.import_synthetic(workers=400))
        >>> min(found["occupation"].values()) >= 10
        True
    """
    taxonomy = training.taxonomy
    group_of = dict(zip(taxonomy.codes, taxonomy.groups, strict=True))
    careers = training.records.select("worker", OCCUPATION).drop_nulls()
    records = careers.with_columns(pl.col(OCCUPATION).replace_strict(group_of).alias(GROUP))
    groups = _workers(records, GROUP)
    known = pl.col(GROUP).is_in(groups[GROUP].implode())
    occupations = _workers(records.filter(known), GROUP, OCCUPATION)
    return {
        OCCUPATION: dict(occupations.select(OCCUPATION, "workers").iter_rows()),
        GROUP: dict(groups.select(GROUP, "workers").iter_rows()),
    }


def listed(people: Mapping[str, Mapping[str, int]]) -> list[Output]:
    """What a list of outputs says of these counts."""
    return [
        checked(f"people by {name}", pl.DataFrame({name: list(counts)}, {name: pl.String}), [name], said=ROUNDED)
        for name, counts in people.items()
    ]


ROUNDED = "rounded to fives; those of fewer than ten people, and what would tell them, are left out"


def _workers(records: pl.DataFrame, *names: str) -> pl.DataFrame:
    """The workers of each cell that may be shown, rounded, in the order of names."""
    cells = records.group_by(*names).agg(pl.col("worker").n_unique().cast(pl.Int64).alias("workers")).sort(names)
    return round_counts(withhold_counts(cells, within=names[:-1]), "workers")
