"""What too few people carry to be shown: such occupations are pooled, such values of covariates are missing.

A model that is given away is fitted on the panel that `pool_rare` returns, so that no parameter of it rests on fewer
than `SMALLEST_CELL` workers. The occupations that too few carry are one class for each major group; those of groups
where that class is too small itself are one class together.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from laborllm.errors import PanelError
from laborllm.occupations import Taxonomy
from laborllm.panel.panel import Panel
from laborllm.privacy import SMALLEST_CELL

COVARIATES = ("education", "gender", "ethnicity", "region", "birth_year")


@dataclass(frozen=True)
class RarePooled:
    """A panel without what few people carry.

    Attributes:
        panel: Its records, over a taxonomy in which one occupation of each class stands for all of it.
        whole: The taxonomy from before.
        classes: The codes that are one class, the one that stands for them first.
    """

    panel: Panel
    whole: Taxonomy
    classes: tuple[tuple[str, ...], ...]


def pool_rare(panel: Panel, groups: Sequence[str]) -> RarePooled:
    """Pool the occupations, and drop the values of covariates, that fewer than ten training workers carry.

    Args:
        panel: Any panel with a split train.
        groups: Major group of each of the J occupations of its taxonomy; see `load_groups`.

    Raises:
        PanelError: The occupations that too few carry are themselves carried by too few workers together.
    """
    train = panel.subset("train").observed().records
    carriers = {code: frozenset(workers) for code, workers in train.group_by("occupation").agg("worker").iter_rows()}
    classes = _classes(panel.taxonomy, groups, carriers)
    stands_for = {code: first for first, *others in classes for code in others}
    kept = zip(panel.taxonomy.codes, panel.taxonomy.titles, panel.taxonomy.groups, strict=True)
    taxonomy = Taxonomy.from_occupations(panel.taxonomy.name, [each for each in kept if each[0] not in stands_for])
    records = panel.records.with_columns(
        pl.col("occupation").replace(stands_for), *(_common(train, name) for name in COVARIATES)
    )
    return RarePooled(replace(panel, records=records, taxonomy=taxonomy), panel.taxonomy, classes)


def _classes(
    taxonomy: Taxonomy, groups: Sequence[str], carriers: Mapping[str, frozenset[str]]
) -> tuple[tuple[str, ...], ...]:
    """The classes of occupations that fewer than ten workers carry each, and no class fewer than ten."""
    nobody: frozenset[str] = frozenset()
    by_group: dict[str, list[str]] = {}
    for code, group in zip(taxonomy.codes, groups, strict=True):
        if len(carriers.get(code, nobody)) < SMALLEST_CELL:
            by_group.setdefault(group, []).append(code)

    def people(codes: Iterable[str]) -> int:
        return len(nobody.union(*(carriers.get(code, nobody) for code in codes)))

    ordered = sorted(by_group.values(), key=people, reverse=True)
    classes = [codes for codes in ordered if people(codes) >= SMALLEST_CELL]
    rest = [code for codes in ordered if people(codes) < SMALLEST_CELL for code in codes]
    while rest and people(rest) < SMALLEST_CELL and classes:
        rest += classes.pop()
    if rest and people(rest) < SMALLEST_CELL:
        raise PanelError(
            f"the {len(rest)} occupations that fewer than {SMALLEST_CELL} training workers carry are carried by as few "
            "together: they cannot be a class of their own"
        )
    return tuple(tuple(sorted(codes, key=taxonomy.position.__getitem__)) for codes in [*classes, rest] if codes)


def _common(train: pl.DataFrame, name: str) -> pl.Expr:
    """A covariate with the values that fewer than ten training workers have as missing."""
    workers = train.group_by(name).agg(pl.col("worker").n_unique()).filter(pl.col("worker") >= SMALLEST_CELL)
    return pl.when(pl.col(name).is_in(workers[name].implode())).then(name).alias(name)
